"""The comparison of a study with its frozen design: match, each deviation, or unknown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.checks.deviations import DesignCheck, add_changes, check_against_design
from analysis.checks.study_facts import count_facts
from analysis.inputs.changes import CHANGE_COLUMNS, read_changes
from analysis.inputs.design import Design, Plan, read_design
from analysis.inputs.responses import Responses, ResponsesError
from analysis.inputs.sources import read_responses
from analysis.inputs.trial_table import build_trial_table
from tests.analysis.designs import make_design, write_json
from tests.analysis.people import make_person
from tests.analysis.rows import Row, write_csv


@pytest.fixture
def design(tmp_path: Path) -> Design:
    return read_design(write_json(tmp_path / "design.json", make_design()))


def make_rows(design: Design) -> list[Row]:
    """Make the rows of two participants who followed the design."""
    people = (make_person(name, design_sha256=design.sha256) for name in ("p1", "p2"))
    return [row for rows in people for row in rows]


def read(folder: Path, rows: list[Row]) -> Responses:
    return read_responses(str(write_csv(folder / "responses.csv", rows)))


def compare(folder: Path, design: Design | None, rows: list[Row], used: Plan) -> DesignCheck:
    responses = read(folder, rows)
    return check_against_design(design, used, count_facts(responses, build_trial_table(responses)))


def listed(verdict: DesignCheck) -> list[tuple[str, str, str]]:
    return [(one.aspect, one.planned, one.done) for one in verdict.deviations]


def test_a_study_done_as_planned_matches(tmp_path: Path, design: Design) -> None:
    verdict = compare(tmp_path, design, make_rows(design), design.plan)
    assert verdict == DesignCheck(
        design.sha256, "match", (), ("hypotheses", "stopping", "wording", "stimuli"), 0.05
    )


def test_without_a_design_the_verdict_is_unknown(tmp_path: Path, design: Design) -> None:
    rows = make_rows(design)
    assert compare(tmp_path, None, rows, Plan()) == DesignCheck(design.sha256, "unknown")
    rows[0] |= {"design_sha256": "2" * 64}
    assert compare(tmp_path, None, rows, Plan()) == DesignCheck(None, "unknown")


@pytest.mark.parametrize(
    ("changes", "where", "deviation"),
    [
        ({"design_sha256": ""}, 3, ("design", "", "3 of 88 trials without a frozen design")),
        (
            {"design_sha256": "ab" * 32},
            88,
            ("design", "", "88 of 88 trials with another design, abababababab"),
        ),
        ({"study": "faces"}, 88, ("study", "trees", "faces")),
        (
            {"presentation": "simultaneous"},
            88,
            ("presentation", "sequential", "simultaneous in 80 of 80 trials"),
        ),
        ({"question": "real"}, 1, ("question", "fake", "real in 1 of 80 trials")),
        ({"exposure_ms": "500"}, 2, ("exposure_ms", "1000", "500 in 2 of 80 trials")),
        ({"exposure_ms": ""}, 1, ("exposure_ms", "1000", "none in 1 of 80 trials")),
        ({"method": "l2"}, 1, ("methods", "without l2", "l2 was shown")),
        ({"method": "l2"}, 88, ("methods", "with mcl", "mcl was never shown")),
        (
            {"method": "l2"},
            1,
            ("assignment", "one method per participant", "different for 1 of 2 participants"),
        ),
        (
            {"kind": "practice"},
            1,
            ("trials", "40 per participant", "a different number for 1 of 2 participants"),
        ),
        (
            {"kind": "practice"},
            1,
            ("practice", "0 per participant", "a different number for 1 of 2 participants"),
        ),
        ({"outcome": "abandoned"}, 44, ("participants", "2", "1 completed")),
    ],
)
def test_each_deviation_is_listed(
    tmp_path: Path, design: Design, changes: Row, where: int, deviation: tuple[str, str, str]
) -> None:
    rows = [row | changes if at < where else row for at, row in enumerate(make_rows(design))]
    verdict = compare(tmp_path, design, rows, design.plan)
    what, planned, done = deviation
    assert verdict.verdict == "deviations"
    assert (what, planned or design.sha256[:12], done) in listed(verdict)


def test_missing_attention_checks_are_a_deviation(tmp_path: Path, design: Design) -> None:
    rows = [row for row in make_rows(design) if row["kind"] == "test"]
    verdict = compare(tmp_path, design, rows, design.plan)
    expected = (
        "attention_checks",
        "4 per participant",
        "a different number for 2 of 2 participants",
    )
    assert listed(verdict) == [expected]


def test_a_replaced_voided_trial_is_no_deviation(tmp_path: Path, design: Design) -> None:
    rows = make_rows(design)
    rows.append(rows[0] | {"position": "44"})
    rows[0] |= {"flags": "voided", "answer": ""}
    assert compare(tmp_path, design, rows, design.plan).verdict == "match"


@pytest.mark.parametrize(("planned", "done"), [(1, []), (2, [("repeats", "2 per participant")])])
def test_repeats_are_counted_separately(
    tmp_path: Path, planned: int, done: list[tuple[str, str]]
) -> None:
    path = write_json(tmp_path / "design.json", make_design({"repeats": planned}))
    design = read_design(path)
    rows = make_rows(design)
    rows += [row | {"position": "44", "repeat_of": "0"} for row in rows if row["position"] == "0"]
    verdict = compare(tmp_path, design, rows, design.plan)
    assert [deviation[:2] for deviation in listed(verdict)] == done


def test_all_methods_per_participant_means_all(tmp_path: Path) -> None:
    protocol: dict[str, Any] = {"methods": ["l2", "mcl"], "assignment": "within"}
    path = write_json(tmp_path / "design.json", make_design(protocol))
    design = read_design(path)
    rows = make_rows(design)
    rows[0] |= {"method": "l2"}
    verdict = compare(tmp_path, design, rows, design.plan)
    expected = ("assignment", "all methods per participant", "different for 1 of 2 participants")
    assert listed(verdict) == [expected]
    gone = [row | {"outcome": "abandoned"} if row["participant"] == "p2" else row for row in rows]
    verdict = compare(tmp_path, design, gone, design.plan)
    assert listed(verdict) == [("participants", "2", "1 completed")]


def test_a_list_of_exposures_allows_each(tmp_path: Path) -> None:
    protocol = {"exposure_ms": [500, 1000.0]}
    design = read_design(write_json(tmp_path / "design.json", make_design(protocol)))
    rows = make_rows(design)
    rows[0] |= {"exposure_ms": "500"}
    assert compare(tmp_path, design, rows, design.plan).verdict == "match"


@pytest.mark.parametrize("planned", [0, [0, 500]])
def test_an_exposure_without_a_limit_is_planned_as_zero(tmp_path: Path, planned: Any) -> None:
    path = write_json(tmp_path / "design.json", make_design({"exposure_ms": planned}))
    design = read_design(path)
    rows = [row | {"exposure_ms": "", "first_ms": ""} for row in make_rows(design)]
    assert compare(tmp_path, design, rows, design.plan).verdict == "match"
    limited = [row | {"exposure_ms": "700"} for row in rows]
    assert [what for what, _, _ in listed(compare(tmp_path, design, limited, design.plan))] == [
        "exposure_ms"
    ]


@pytest.mark.parametrize("paired", [True, False])
def test_fakes_beside_other_photographs_are_a_deviation_unless_planned(
    tmp_path: Path, paired: bool
) -> None:
    design = read_design(write_json(tmp_path / "design.json", make_design({"paired": paired})))
    rows = make_rows(design)
    others = [row | {"real_image": f"photo{at % 7}"} for at, row in enumerate(rows)]
    for shown, is_paired in ((rows, True), (others, False)):
        what = [] if is_paired == paired else ["paired"]
        verdict = compare(tmp_path, design, shown, design.plan)
        assert [deviation[0] for deviation in listed(verdict)] == what


def test_an_analysis_with_other_rules_is_a_deviation(tmp_path: Path, design: Design) -> None:
    rules = replace(design.plan.rules, slow_ms=None, fast_ms=250)
    used = replace(design.plan, rules=rules, margin=0.1)
    verdict = compare(tmp_path, design, make_rows(design), used)
    assert listed(verdict) == [
        ("fast_ms", "200", "250"),
        ("slow_ms", "60000", "none"),
        ("margin", "0.05", "0.1"),
    ]


def write_changes(folder: Path, *rows: str) -> None:
    header = ",".join(CHANGE_COLUMNS)
    (folder / "changes.csv").write_text("".join(f"{row}\n" for row in (header, *rows)))


def test_changes_of_settings_after_the_freeze_are_deviations(
    tmp_path: Path, design: Design
) -> None:
    responses = read(tmp_path, make_rows(design))
    source = str(tmp_path / "responses.csv")
    assert read_changes(source, responses) == ()
    write_changes(
        tmp_path,
        f"{design.study},2026-03-05T10:00:00.000+00:00,ada,stop_at,10,,9",
        f"{design.study},2026-03-04T10:00:00.000+00:00,ada,stop_at,60,10,0",
        "other,2026-03-04T10:00:00.000+00:00,ada,stop_at,60,10,0",
    )
    matches = compare(tmp_path, design, make_rows(design), design.plan)
    check = add_changes(matches, read_changes(source, responses))
    assert (check.verdict, listed(check)) == (
        "deviations",
        [
            ("stop_at", "60", "10 from 2026-03-04 10:00 UTC on, after 0 had finished"),
            ("stop_at", "10", "none from 2026-03-05 10:00 UTC on, after 9 had finished"),
        ],
    )
    unknown = compare(tmp_path, None, make_rows(design), Plan())
    assert add_changes(unknown, read_changes(source, responses)) == unknown


def test_a_damaged_list_of_changes_is_refused(tmp_path: Path, design: Design) -> None:
    responses = read(tmp_path, make_rows(design))
    write_changes(tmp_path, f"{design.study},2026-03-04,ada,stop_at,60,10,few")
    with pytest.raises(ResponsesError, match=r"changes\.csv: line 2: complete is 'few'"):
        read_changes(str(tmp_path / "responses.csv"), responses)
