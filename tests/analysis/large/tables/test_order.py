"""Tests of what bits tell about the order of a participant's trials."""

import duckdb
import numpy as np
import pytest

from analysis.large.tables.order import TYPES, Order


@pytest.mark.parametrize("kind", TYPES)
def test_bits_count_the_answers_that_differ_from_the_one_before(kind: str) -> None:
    rng = np.random.default_rng(0)
    positions = TYPES[kind]
    order = Order(kind, positions - 1)
    for _ in range(30):
        share = rng.random()
        answered = rng.random(positions) < share
        left = answered & (rng.random(positions) < 0.5)
        sides = left[answered]
        bits = [sum(1 << int(at) for at in np.flatnonzero(chosen)) for chosen in (answered, left)]
        (found,) = duckdb.execute(
            f"SELECT {order.count_changes()} FROM (SELECT {bits[0]}::{kind} AS answered_bits, "
            f"{bits[1]}::{kind} AS left_bits)"
        ).fetchall()
        assert found[0] == np.count_nonzero(sides[1:] != sides[:-1])


@pytest.mark.parametrize("kind", TYPES)
def test_bits_count_the_trials_before_a_position(kind: str) -> None:
    last = TYPES[kind] - 1
    order = Order(kind, last)
    before = order.count_before("test")
    query = f"SELECT {before} FROM (SELECT {{}}::{kind} AS test_bits, {{}} AS position)"
    every = (1 << (last + 1)) - 1
    for bits, position, expected in ((every, last, last), (every, 0, 0), (0b1011, 2, 2), (8, 3, 0)):
        assert duckdb.execute(query.format(bits, position)).fetchall() == [(expected,)]
