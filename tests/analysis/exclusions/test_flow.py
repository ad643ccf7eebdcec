"""The trials that enter a rate, and the counts of exclusions."""

import json
import random
from pathlib import Path

import pytest

from analysis.exclusions.flow import AnalysisSample, apply_exclusions
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import ResponsesError, select_mode
from analysis.inputs.sources import read_responses
from analysis.trials import Trials
from tests.analysis.people import make_person
from tests.analysis.rows import Row, make_row, write_csv
from tests.analysis.studies import REFERENCE, read_expected

PLAN = ExclusionRules(
    planned_trials=44,
    attention_checks_min_correct=3,
    attention_checks_planned=4,
    attention_checks_min_planned=4,
)
FAST = dict.fromkeys(range(12), 150)

# The kinds of participants in the reference case, with their exclusion reasons.
KINDS: dict[str, tuple[list[Row], tuple[str, ...]]] = {
    "alternates": (
        make_person("alternates", pattern="lr", missed=2),
        ("attention_checks", "alternation"),
    ),
    "always": (make_person("always", pattern="l", missed=2), ("attention_checks", "side_bias")),
    "almost": (make_person("almost", trials=41), ()),
    "fails": (make_person("fails", missed=3), ("attention_checks",)),
    "few_fast": (make_person("few_fast", rt_ms=dict.fromkeys(range(3), 150)), ()),
    "incomplete": (make_person("incomplete", 15, outcome="abandoned"), ("incomplete",)),
    "misses_one": (make_person("misses_one", missed=1), ()),
    "ok": (make_person("ok"), ()),
    "slow": (make_person("slow", rt_ms={1: 90_000}), ()),
    "too_fast": (make_person("too_fast", rt_ms=FAST), ("too_fast",)),
}


def count(folder: Path, *rows: Row, rules: ExclusionRules | None = None) -> AnalysisSample:
    recorded = read_responses(str(write_csv(folder / "responses.csv", rows)))
    return apply_exclusions(recorded, select_mode(recorded, None), rules)


@pytest.fixture
def sample(tmp_path: Path) -> AnalysisSample:
    return count(tmp_path, *(row for rows, _ in KINDS.values() for row in rows), rules=PLAN)


def tally(trials: Trials) -> tuple[int, int]:
    """Return (fooled, trials)."""
    return int(trials.fooled.sum()), len(trials.fooled)


@pytest.mark.parametrize(
    ("question", "truth", "answer", "fooled"),
    [
        ("fake", "left", "right", True),
        ("fake", "left", "left", False),
        ("real", "left", "right", False),
        ("real", "right", "right", True),
    ],
)
def test_fooled_means_taking_the_fake_for_the_photograph(
    tmp_path: Path, question: str, truth: str, answer: str, fooled: bool
) -> None:
    counted = count(tmp_path, make_row(question=question, truth=truth, answer=answer))
    assert counted.trials.fooled.tolist() == [fooled]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "practice"},
        {"kind": "attention"},
        {"kind": "qualification"},
        {"repeat_of": "0"},
        {"answer": ""},
        {"flags": "hidden voided"},
        {"mode": "simulated", "participant": "robot"},
        {"outcome": "abandoned", "participant": "p2"},
        {"outcome": "returned", "participant": "p2"},
        {"rt_ms": "199"},
        {"rt_ms": "60001"},
    ],
)
def test_only_answered_test_trials_of_participants_who_finished_count(
    tmp_path: Path, changes: Row
) -> None:
    counted = count(tmp_path, make_row(), make_row(**{"position": "1", **changes}))
    assert counted.trials.fooled.tolist() == [True]


@pytest.mark.parametrize(
    "changes", [{"flags": "hidden late"}, {"rt_ms": "200"}, {"rt_ms": "60000"}, {"rt_ms": ""}]
)
def test_a_flag_or_a_time_that_breaks_no_rule_keeps_the_trial(tmp_path: Path, changes: Row) -> None:
    assert len(count(tmp_path, make_row(**changes)).trials.fooled) == 1


def test_every_kind_of_person_has_the_reasons_of_the_reference(sample: AnalysisSample) -> None:
    assert sample.reasons_by_participant() == {
        name: reasons for name, (_, reasons) in sorted(KINDS.items())
    }
    assert sample.count_by_reason() == {
        "incomplete": 1,
        "attention_checks": 3,
        "too_fast": 1,
        "side_bias": 1,
        "alternation": 1,
    }
    assert sample.count_by_only_reason() == sample.count_by_reason() | {
        "attention_checks": 1,
        "side_bias": 0,
        "alternation": 0,
    }
    assert sample.co_occurrence()["attention_checks"] == {
        "incomplete": 0,
        "attention_checks": 3,
        "too_fast": 0,
        "side_bias": 1,
        "alternation": 1,
    }


def test_every_step_is_counted(sample: AnalysisSample) -> None:
    steps = {step.step: (step.participants, step.trials) for step in sample.flow}
    assert steps == {
        "recorded in the study": (10, 408),
        "live participants only": (10, 408),
        "test trials": (10, 371),
        "answered and not voided": (10, 371),
        "finished": (9, 357),
        "passed the attention checks": (6, 237),
        "without too many fast answers": (5, 197),
        "response time within limits": (5, 193),
    }
    assert len(sample.trials.fooled) == 193


def test_each_rule_is_dropped_once(sample: AnalysisSample) -> None:
    without = {rule: tally(trials) for rule, trials in sample.leave_one_rule_out()}
    everything = tally(sample.trials)
    assert tally(sample.trials_under(())) == tally(sample.all_trials)
    assert without == {
        **dict.fromkeys(("screened_out", "returned", "side_bias", "alternation"), everything),
        "timing": everything,
        "incomplete": (everything[0] + 5, everything[1] + 14),
        "attention_checks": (everything[0] + 14, everything[1] + 40),
        "too_fast": (everything[0] + 10, everything[1] + 29),
        "response_time": (everything[0] + 1, everything[1] + 4),
    }


def test_included_trials_are_located_in_the_responses(tmp_path: Path) -> None:
    rows = [make_row(position=str(at), image=f"i{at}") for at in (3, 1, 2)]
    rows[2] |= {"kind": "practice"}
    recorded = read_responses(str(write_csv(tmp_path / "r.csv", rows)))
    counted = apply_exclusions(recorded, recorded)
    assert recorded["position"][counted.response_rows[counted.is_included]].tolist() == ["1", "3"]


def test_the_order_of_rows_does_not_matter(tmp_path: Path, sample: AnalysisSample) -> None:
    rows = [row for people, _ in KINDS.values() for row in people]
    random.Random(0).shuffle(rows)
    shuffled = count(tmp_path, *rows, rules=PLAN)
    assert shuffled.flow == sample.flow
    assert shuffled.reasons_by_participant() == sample.reasons_by_participant()
    assert shuffled.trials.fooled.tolist() == sample.trials.fooled.tolist()


def test_a_method_without_included_trials_is_still_listed(tmp_path: Path) -> None:
    assert count(tmp_path, make_row(answer="")).methods == ["mcl"]


@pytest.mark.parametrize("kind", ["test", "attention"])
def test_a_blinded_export_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ResponsesError, match=r"line 2: truth is empty.*--unblind"):
        count(tmp_path, make_row(truth="", kind=kind))


def test_a_wrong_answer_to_a_single_image_counts_as_fooled(tmp_path: Path) -> None:
    answers = [("mcl", "fake", "real"), ("mcl", "fake", "fake"), ("real", "real", "fake")]
    rows = [
        make_row(
            presentation="single", method=method, truth=truth, answer=answer, position=str(at),
            real_image="",
        )
        for at, (method, truth, answer) in enumerate(answers)
    ]  # fmt: skip
    counted = count(tmp_path, *rows)
    assert counted.trials.fooled.tolist() == [True, False, True]
    assert counted.trials.method.tolist() == ["mcl", "mcl", "real"]
    assert counted.methods == ["mcl"]


def test_single_images_among_pairs_are_refused(tmp_path: Path) -> None:
    single = make_row(
        presentation="single", truth="fake", answer="real", position="1", real_image=""
    )
    with pytest.raises(ResponsesError, match="line 3: a single image in a study of pairs"):
        count(tmp_path, make_row(), single)


def test_the_reference_case_agrees_exactly() -> None:
    expected = read_expected("exclusions")
    plan = json.loads((REFERENCE / "exclusions_plan.json").read_text())
    recorded = read_responses(str(REFERENCE / "exclusions_responses.csv"))
    counted = apply_exclusions(recorded, recorded, ExclusionRules(**plan["exclusions"]))
    conduct = counted.measures
    for at, (person, reasons) in enumerate(counted.reasons_by_participant().items()):
        known = expected["participants"][person]
        assert list(reasons) == known["reasons"]
        assert conduct.answered_trials[at] == known["answers"]
        assert conduct.attention_checks_correct[at] == known["checks_correct"]
        assert conduct.fast_share[at] == known["fast_fraction"]
        assert conduct.left_share[at] == known["left_fraction"]
        assert conduct.alternation_share[at] == known["alternation"]
    assert counted.reasons_by_participant().keys() == expected["participants"].keys()
    rates = {
        "rates_of_everybody": counted.all_trials,
        "rates_after_participant_rules": counted.trials_under(counted.violations),
        "rates_after_all_rules": counted.trials,
    }
    for name, trials in rates.items():
        for method, known in expected[name].items():
            of_method = trials.select(trials.method == method)
            assert tally(of_method) == tuple(known)
