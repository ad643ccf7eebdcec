"""The report on each task whose candidates are judged, from files written by hand."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analysis.inputs.design import read_design
from analysis.inputs.judgments import JUDGMENT_COLUMNS
from analysis.report import report
from tests.analysis.designs import make_design, write_json
from tests.analysis.rows import Row, make_row, write_csv
from tests.analysis.studies import read_crossed_rows

METHODS = ("l2", "mcl", "real")


def write_study(folder: Path, task: str, values: Any, people: int = 4, **changes: str) -> Path:
    """Write four trials and two attention checks for each person.

    values: the judgment of each method, in the order of METHODS; the photograph's comes last.
    """
    single = task == "rating"
    rows: list[Row] = []
    judgments: list[dict[str, object]] = []
    for person in range(people):
        for position in range(6):
            kind = "attention" if position > 3 else "test"
            rows.append(
                make_row(
                    participant=f"p{person}", position=str(position), kind=kind, task=task,
                    question="", image="", method="", truth="", answer="",
                    presentation="single" if single else "simultaneous",
                    candidates="1" if single else "3",
                ) | {"real_image": ""}
            )  # fmt: skip
            methods = ("foil", "mcl", "real") if kind == "attention" else METHODS
            said = list(zip(methods, values, strict=True))
            if single:
                said = [said[0 if position == 4 else 2]] if position > 3 else [said[position % 3]]
            image = "check" if kind == "attention" else f"i{position}"
            for slot, (method, value) in enumerate(said):
                judgments.append(
                    {
                        "study": "trees", "participant": f"p{person}", "mode": "live",
                        "kind": kind, "position": position, "slot": slot, "image": image,
                        "method": method, "scale": "quality" if single else "rank",
                        "rank": "" if single else value, "score": value if single else "",
                        "shown_ms": 900,
                    }
                )  # fmt: skip
    path = write_csv(folder / "responses.csv", [row | changes for row in rows])
    with (folder / "judgments.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, JUDGMENT_COLUMNS)
        writer.writeheader()
        writer.writerows(judgments)
    return path


def make(path: Path, *options: str) -> tuple[dict[str, Any], str]:
    out = path.parent / "report"
    done = CliRunner().invoke(report, [str(path), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    return json.loads((out / "report.json").read_text()), (out / "report.html").read_text()


@pytest.mark.slow(0.5)
def test_the_findings_say_that_participants_were_simulated(tmp_path: Path) -> None:
    path = write_study(tmp_path, "preference", (2, 1, 2), mode="simulated")
    judgments = path.with_name("judgments.csv")
    judgments.write_text(judgments.read_text().replace("live", "simulated"))
    done = CliRunner().invoke(report, [str(path), "--out", str(tmp_path / "report")])
    assert "All answers are from simulated participants." in done.output.splitlines()


@pytest.mark.slow(0.5)
@pytest.mark.parametrize(
    ("task", "ranks", "best", "mean_rank"),
    [
        ("ranking", (3, 2, 1), [0, 0, 1], [3, 2, 1]),
        ("best_worst", (3, 2, 1), [0, 0, 1], [3, 2, 1]),
        ("preference", (2, 1, 2), [0, 1, 0], None),
        ("preference", (1, 1, 1), [1 / 3] * 3, None),
    ],
)
def test_comparisons_have_shares_and_mean_ranks(
    task: str, ranks: tuple[int, ...], best: list[float], mean_rank: list[float] | None,
    tmp_path: Path,
) -> None:  # fmt: skip
    numbers, page = make(write_study(tmp_path, task, ranks))
    assert (numbers["schema"], numbers["task"]) == ("hue-and-eye/report/2", task)
    methods = [numbers["methods"][method] for method in METHODS]
    assert [one["share_best"]["value"] for one in methods] == pytest.approx(best)
    assert [one["share_best"]["trials"] for one in methods] == [16] * 3
    if mean_rank is None:
        assert all("mean_rank" not in one for one in methods)
    else:
        assert [one["mean_rank"]["value"] for one in methods] == pytest.approx(mean_rank)
    assert numbers["attention_checks"]["answers"] == 8
    assert "Rank confidence sets" in page


def test_candidates_that_are_both_not_the_best_are_not_compared(tmp_path: Path) -> None:
    numbers, _ = make(write_study(tmp_path, "preference", (2, 1, 2)))
    pairs = {(pair["a"], pair["b"]): pair["wins_a"] for pair in numbers["pairs"]}
    assert pairs == {("l2", "mcl"): 0, ("mcl", "real"): 16}


@pytest.mark.slow(0.3)
def test_a_method_that_never_wins_is_named_instead_of_a_strength(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, "ranking", (3, 2, 1)))
    assert numbers["unconnected"]
    assert all("strength" not in entry for entry in numbers["methods"].values())
    assert "The methods are not connected: L2 never won against the other methods" in page
    assert "the ranks come from the shares of wins" in page


@pytest.mark.parametrize("task", ["ranking", "rating"])
def test_a_study_whose_participants_are_all_excluded_has_a_report(
    task: str, tmp_path: Path
) -> None:
    numbers, page = make(write_study(tmp_path, task, (3, 2, 1), outcome="abandoned", mode="live"))
    assert (numbers["methods"], numbers["differences"]) == ({}, [])
    assert {one["excluded"] for one in numbers["exclusions"]["participants"]} == {True}
    assert "Exclusions" in page


def test_ties_give_strengths_without_differences(tmp_path: Path) -> None:
    numbers, _ = make(write_study(tmp_path, "preference", (1, 1, 1)))
    assert [entry["strength"]["value"] for entry in numbers["methods"].values()] == [0, 0, 0]
    assert [entry["rank_set"] for entry in numbers["methods"].values()] == [[1, 3]] * 3
    assert {one["of"] for one in numbers["differences"]} == {"share_best", "strength"}


def test_ratings_have_a_mean_opinion_for_each_scale(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, "rating", (2, 3, 5)))
    values = {
        method: entry["mean_opinion"]["quality"]["value"]
        for method, entry in numbers["methods"].items()
    }
    assert values == {"l2": 2, "mcl": 3, "real": 5}
    assert numbers["attention_checks"]["correct"] == 8
    assert "Mean opinion score: quality" in page


@pytest.mark.slow(0.4)
def test_a_foil_above_its_photograph_fails_the_check(tmp_path: Path) -> None:
    numbers, _ = make(write_study(tmp_path, "ranking", (1, 2, 3)))
    assert numbers["attention_checks"]["correct"] == 0


@pytest.mark.slow(0.6)
@pytest.mark.parametrize(
    ("task", "protocol", "expected"),
    [
        ("ranking", {}, []),
        ("rating", {"presentation": "single"}, []),
        ("ranking", {"trials": 5}, ["trials"]),
        ("ranking", {"attention_checks": 0}, ["attention_checks"]),
        ("rating", {"presentation": "single", "assignment": "between"}, ["assignment"]),
        ("ranking", {"methods": ["l2", "mcl", "other"]}, ["methods", "assignment"]),
        ("ranking", {"include_real": False}, ["methods"]),
        ("ranking", {"task": "preference"}, ["task"]),
        ("ranking", {"exposure_ms": 500}, ["exposure_ms"]),
    ],
)
def test_a_judged_study_is_compared_with_its_design(
    task: str, protocol: dict[str, object], expected: list[str], tmp_path: Path
) -> None:
    planned = {
        "task": task, "methods": ["l2", "mcl"], "include_real": True, "assignment": "within",
        "presentation": "simultaneous", "trials": 4, "attention_checks": 2,
    }  # fmt: skip
    design = read_design(
        write_json(tmp_path / "design.json", make_design(planned | protocol, {"participants": 4}))
    )
    path = write_study(tmp_path, task, (1, 2, 3), design_sha256=design.sha256, exposure_ms="1000")
    numbers, _ = make(path, "--design", str(tmp_path / "design.json"))
    assert [one["aspect"] for one in numbers["design"]["deviations"]] == expected


def test_missing_and_blinded_judgments_are_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path, "ranking", (1, 2, 3))
    judgments = tmp_path / "judgments.csv"
    judgments.write_text(judgments.read_text().replace(",mcl,", ",,"))
    refused = CliRunner().invoke(report, [str(path), "--out", str(tmp_path / "report")])
    assert "method is empty, as in a blinded export" in refused.output
    judgments.unlink()
    refused = CliRunner().invoke(report, [str(path), "--out", str(tmp_path / "report")])
    assert "judgments.csv: No such file" in refused.output
    unknown = write_csv(path, [make_row(task="dance")])
    refused = CliRunner().invoke(report, [str(unknown), "--out", str(tmp_path / "report")])
    assert "task is dance" in refused.output


@pytest.mark.slow(0.6)
def test_a_declared_covariate_has_its_table_and_an_undeclared_one_has_none(tmp_path: Path) -> None:
    path = write_study(tmp_path, "rating", (2, 3, 5))
    (tmp_path / "participants.csv").write_text(
        "study,participant,inputs,language,source\n"
        + "".join(f"trees,p{one},mouse,{'de' if one % 2 else 'en'},link\n" for one in range(4))
    )
    numbers, page = make(path)
    assert numbers["subgroups"] == []
    assert "Results by covariate" not in page
    (tmp_path / "plan.toml").write_text('covariates = ["language"]\n')
    numbers, page = make(path, "--plan", str(tmp_path / "plan.toml"))
    (entry,) = numbers["subgroups"]
    assert {(one["method"], one["level"], one["value"]) for one in entry["levels"]} == {
        (method, level, value)
        for method, value in zip(METHODS, (2, 3, 5), strict=True)
        for level in ("de", "en")
    }
    assert "Results by covariate" in page
    assert (tmp_path / "report" / "subgroups.csv").read_text().count("\n") == 7


@pytest.mark.slow(3)
def test_the_report_on_rates_compares_declared_covariates(tmp_path: Path) -> None:
    rows = read_crossed_rows()
    for row in rows:
        row["image"] = row["real_image"] = (
            f"{'a' if row['image'] < 'img0100' else 'b'}/{row['image']}"
        )
    path = write_csv(tmp_path / "responses.csv", rows)
    (tmp_path / "plan.toml").write_text('covariates = ["folder"]\n')
    numbers, page = make(path, "--plan", str(tmp_path / "plan.toml"))
    (entry,) = numbers["subgroups"]
    assert len(entry["differences"]) == 6
    assert sum(one["trials"] for one in entry["levels"]) == 1600
    assert {one["method"] for one in numbers["learning"]} == {"l2", "mcl", "zhang2016"}
    assert "Learning" in page


def test_repeats_and_agreement_of_judged_tasks_are_reported(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, "rating", (2, 3, 5)))
    assert numbers["consistency"] is None
    (agreement,) = numbers["agreement"]
    assert (agreement["alpha_ordinal"], agreement["icc_single"]) == (1, pytest.approx(1))
    assert "Agreement between participants" in page


def test_a_repeat_that_is_answered_otherwise_is_counted(tmp_path: Path) -> None:
    path = write_study(tmp_path, "rating", (2, 3, 5))
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    repeats = [row | {"repeat_of": "0" if row["position"] == "3" else ""} for row in rows]
    write_csv(path, repeats)
    judgments = (tmp_path / "judgments.csv").read_text().replace(",i3,", ",i0,")
    changed = judgments.replace(
        "trees,p1,live,test,3,0,i0,l2,quality,,2", "trees,p1,live,test,3,0,i0,l2,quality,,4"
    )
    (tmp_path / "judgments.csv").write_text(changed)
    numbers, page = make(path)
    consistency = numbers["consistency"]
    assert (consistency["agreements"], consistency["repeats"]) == (3, 4)
    assert consistency["mean_absolute_change"] == 0.5
    assert "repeated trials answered the same way" in page


@pytest.mark.parametrize(("lowest", "is_clipped"), [(1, True), (4, False)])
def test_intervals_of_ratings_end_with_the_scale_unless_a_score_lies_outside(
    lowest: int, is_clipped: bool, tmp_path: Path
) -> None:
    scales = [{"name": "quality", "min": lowest, "max": 5}]
    protocol = {"task": "rating", "scales": scales, "trials": 4, "attention_checks": 2}
    design = read_design(write_json(tmp_path / "design.json", make_design(protocol)))
    path = write_study(tmp_path, "rating", (3, 4, 5), design_sha256=design.sha256)
    judgments, rating = tmp_path / "judgments.csv", "p0,live,test,2,0,i2,real,quality,,"
    judgments.write_text(judgments.read_text().replace(f"{rating}5", f"{rating}3"))
    numbers, page = make(path, "--design", str(tmp_path / "design.json"))
    _, highest = numbers["methods"]["real"]["mean_opinion"]["quality"]["ci95"]
    assert (highest <= 5) == is_clipped
    assert ("No interval extends beyond the ends of the scale." in page) == is_clipped


def test_ratings_that_are_all_the_same_have_figures(tmp_path: Path) -> None:
    made, _ = make(write_study(tmp_path, "rating", (3, 3, 3)))
    assert "no_variation" in made["methods"]["mcl"]["mean_opinion"]["quality"]["flags"]
    assert (tmp_path / "report" / "figures" / "scores-quality.svg").exists()
