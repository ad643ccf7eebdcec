"""Trials shown twice: counted once in a rate, and compared with themselves."""

from pathlib import Path

import numpy as np
import pytest

from analysis.checks.consistency import Consistency, estimate_consistency, expected_agreement
from analysis.exclusions.flow import AnalysisSample, apply_exclusions
from analysis.inputs.design import ExclusionRules
from analysis.inputs.sources import read_responses
from tests.analysis.people import OTHER, make_person
from tests.analysis.rows import Row, make_row, write_csv


def count(folder: Path, rows: list[Row], rules: ExclusionRules | None = None) -> AnalysisSample:
    recorded = read_responses(str(write_csv(folder / "responses.csv", rows)))
    return apply_exclusions(recorded, recorded, rules)


def observe(folder: Path, rows: list[Row]) -> Consistency:
    found = estimate_consistency(count(folder, rows))
    assert found is not None
    return found


def show_again(rows: list[Row], at: int, **changes: str) -> Row:
    """The trial at this position once more, as the last."""
    return rows[at] | {"position": str(len(rows)), "repeat_of": str(at)} | changes


def repeat_some(participant: str, changed: int, of: int = 4) -> list[Row]:
    """A person of 44 trials, of which the first ones come again, `changed` with other answers."""
    rows = make_person(participant)
    for at in range(of):
        answer = OTHER[rows[at]["answer"]] if at < changed else rows[at]["answer"]
        rows.append(show_again(rows, at, answer=answer))
    return rows


def test_a_repeat_enters_no_rate(tmp_path: Path) -> None:
    once = count(tmp_path, make_person("p1") + make_person("p2"))
    twice = count(tmp_path, repeat_some("p1", 4) + repeat_some("p2", 4))
    assert twice.trials.fooled.tolist() == once.trials.fooled.tolist()
    assert twice.all_trials.fooled.tolist() == once.all_trials.fooled.tolist()


def test_the_share_answered_alike_is_counted(tmp_path: Path) -> None:
    found = observe(tmp_path, repeat_some("p1", 1) + repeat_some("p2", 2) + repeat_some("p3", 0))
    assert (found.agreements, found.repeats, found.participants, found.images) == (9, 12, 3, 4)
    assert found.rate == 9 / 12
    assert found.ci95 is not None
    assert found.ci95[0] < 9 / 12 < found.ci95[1]


def test_the_same_image_on_the_other_side_is_alike(tmp_path: Path) -> None:
    """Alike is who takes the same image for the fake, not who presses the same button."""
    rows = make_person("p1")
    turned = {side: OTHER[rows[0][side]] for side in ("truth", "answer")}
    assert observe(tmp_path, [*rows, show_again(rows, 0, **turned)]).rate == 1


def test_chance_is_that_of_answers_which_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    """Of positions 0 to 3, 0 and 3 fooled at first; again 1 and 3 of one, 0 and 3 of the other."""
    found = observe(tmp_path, repeat_some("p1", 2) + repeat_some("p2", 0))
    assert (found.first_rate, found.again_rate) == (0.5, 0.5)
    assert found.expected_agreement == pytest.approx(0.5)
    before, after = np.array([True] * 3 + [False]), np.array([True] * 2 + [False] * 2)
    one = np.full(4, "m")
    assert expected_agreement(before, after, one) == pytest.approx(0.75 * 0.5 + 0.25 * 0.5)
    two = np.array(["a", "a", "a", "b"])  # a: 1 and 2/3 fooled; b: never
    assert expected_agreement(before, after, two) == pytest.approx(0.75 * 2 / 3 + 0.25)


def test_guessers_agree_as_often_as_chance_says(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(40_000) < 0.3, rng.random(40_000) < 0.3
    alike = (before == after).mean()
    assert alike == pytest.approx(expected_agreement(before, after, np.full(40_000, "m")), abs=0.01)
    assert alike == pytest.approx(0.3**2 + 0.7**2, abs=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": ""},
        {"flags": "voided"},
        {"rt_ms": "90"},
        {"repeat_of": "99"},
        {"kind": "practice"},
    ],
)
def test_a_repeat_without_two_answers_is_left_out(tmp_path: Path, changes: Row) -> None:
    rows = repeat_some("p1", 0)
    rows.append(show_again(rows, 6, **changes))
    assert observe(tmp_path, rows).repeats == 4


def test_repeats_of_people_left_out_are_left_out(tmp_path: Path) -> None:
    gone = [row | {"outcome": "abandoned"} for row in repeat_some("p2", 4)]
    found = observe(tmp_path, repeat_some("p1", 0) + gone)
    assert (found.agreements, found.repeats, found.flags) == (
        4,
        4,
        ("one_participant", "few_images", "rate_at_bound"),
    )


def test_without_repeats_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert estimate_consistency(count(tmp_path, make_person("p1"))) is None


def test_repeats_make_nobody_complete(tmp_path: Path) -> None:
    """39 of 44 planned trials and 4 repeats are fewer than nine tenths of 44."""
    rows = make_person("p1", 39)
    rows += [show_again(rows, at, position=str(39 + at)) for at in range(4)]
    rules = ExclusionRules(planned_trials=44, attention_checks_min_correct=0)
    assert count(tmp_path, rows, rules).reasons_by_participant() == {"p1": ("incomplete",)}


def test_of_single_images_the_same_verdict_is_alike(tmp_path: Path) -> None:
    methods = {"fake": "mcl", "real": "real"}
    rows = [
        make_row(
            participant=person, position=str(at), presentation="single", image=f"i{at}",
            method=methods[truth], real_image="", truth=truth, answer="fake",
        )
        for person in ("p1", "p2")
        for at, truth in enumerate(("fake", "real"))
    ]  # fmt: skip
    rows += [
        rows[at] | {"position": "2", "repeat_of": repeat_of, "answer": answer}
        for at, repeat_of, answer in ((0, "0", "fake"), (3, "1", "real"))
    ]
    found = observe(tmp_path, rows)
    assert (found.agreements, found.repeats) == (1, 2)
    assert (found.first_rate, found.again_rate) == (0.5, 0.0)
