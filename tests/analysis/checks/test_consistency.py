"""Repeated trials enter no rate, and are compared with the original trials."""

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
    consistency = estimate_consistency(count(folder, rows))
    assert consistency is not None
    return consistency


def show_again(rows: list[Row], at: int, **changes: str) -> Row:
    """Return the trial at this position again, as the last trial."""
    return rows[at] | {"position": str(len(rows)), "repeat_of": str(at)} | changes


def repeat_some(participant: str, changed: int, of: int = 4) -> list[Row]:
    """Make 44 trials and repeats of the first ones, of which `changed` have other answers."""
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


def test_the_rate_is_the_share_of_equal_answers(tmp_path: Path) -> None:
    consistency = observe(
        tmp_path, repeat_some("p1", 1) + repeat_some("p2", 2) + repeat_some("p3", 0)
    )
    assert (
        consistency.agreements,
        consistency.repeats,
        consistency.participants,
        consistency.images,
    ) == (9, 12, 3, 4)
    assert consistency.rate == 9 / 12
    assert consistency.ci95 is not None
    assert consistency.ci95[0] < 9 / 12 < consistency.ci95[1]


def test_choosing_the_same_image_on_the_other_side_agrees(tmp_path: Path) -> None:
    """Answers agree if the same image is chosen, not if the same button is pressed."""
    rows = make_person("p1")
    swapped = {side: OTHER[rows[0][side]] for side in ("truth", "answer")}
    assert observe(tmp_path, [*rows, show_again(rows, 0, **swapped)]).rate == 1


def test_expected_agreement_is_that_of_independent_answers(tmp_path: Path) -> None:
    """Positions 0 and 3 fooled first; then 1 and 3 (first person), 0 and 3 (second person)."""
    consistency = observe(tmp_path, repeat_some("p1", 2) + repeat_some("p2", 0))
    assert (consistency.first_rate, consistency.again_rate) == (0.5, 0.5)
    assert consistency.expected_agreement == pytest.approx(0.5)
    before, after = np.array([True] * 3 + [False]), np.array([True] * 2 + [False] * 2)
    one = np.full(4, "m")
    assert expected_agreement(before, after, one) == pytest.approx(0.75 * 0.5 + 0.25 * 0.5)
    two = np.array(["a", "a", "a", "b"])  # a: 1 and 2/3 fooled; b: never
    assert expected_agreement(before, after, two) == pytest.approx(0.75 * 2 / 3 + 0.25)


def test_independent_answers_agree_as_often_as_expected(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(40_000) < 0.3, rng.random(40_000) < 0.3
    alike = (before == after).mean()
    assert alike == pytest.approx(expected_agreement(before, after, np.full(40_000, "m")), abs=0.01)
    assert alike == pytest.approx(0.3**2 + 0.7**2, abs=0.01)


@pytest.mark.parametrize("changes", [{"answer": ""}, {"flags": "voided"}, {"rt_ms": "90"}])
def test_a_repeat_without_two_valid_answers_is_excluded(tmp_path: Path, changes: Row) -> None:
    rows = repeat_some("p1", 0)
    rows.append(show_again(rows, 6, **changes))
    assert observe(tmp_path, rows).repeats == 4


def test_repeats_of_excluded_participants_are_excluded(tmp_path: Path) -> None:
    gone = [row | {"outcome": "abandoned"} for row in repeat_some("p2", 4)]
    consistency = observe(tmp_path, repeat_some("p1", 0) + gone)
    assert (consistency.agreements, consistency.repeats, consistency.flags) == (
        4,
        4,
        ("one_participant", "few_images", "rate_at_bound"),
    )


def test_without_repeats_there_is_no_consistency(tmp_path: Path) -> None:
    assert estimate_consistency(count(tmp_path, make_person("p1"))) is None


def test_repeats_do_not_count_as_completed_trials(tmp_path: Path) -> None:
    """39 of 44 planned trials and 4 repeats are fewer than nine tenths of 44."""
    rows = make_person("p1", 39)
    rows += [show_again(rows, at, position=str(39 + at)) for at in range(4)]
    rules = ExclusionRules(planned_trials=44, attention_checks_min_correct=0)
    assert count(tmp_path, rows, rules).reasons_by_participant() == {"p1": ("incomplete",)}


def test_equal_answers_to_single_images_agree(tmp_path: Path) -> None:
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
    consistency = observe(tmp_path, rows)
    assert (consistency.agreements, consistency.repeats) == (1, 2)
    assert (consistency.first_rate, consistency.again_rate) == (0.5, 0.0)
