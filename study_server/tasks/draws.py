"""Balanced random draws."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def draw_balanced(values: Sequence[T], count: int, rng: Random) -> list[T]:
    """Return `count` values in random order, each equally often (±1)."""
    order = rng.sample(list(values), len(values))  # which values occur once more is random, too
    drawn = [order[i % len(order)] for i in range(count)]
    rng.shuffle(drawn)
    return drawn


def divide_rounding_up(count: int, parts: int) -> int:
    """Return count / parts, rounded up: the most often that `draw_balanced` draws a value."""
    return -(-count // parts)
