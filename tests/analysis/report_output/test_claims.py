"""Every sentence of 300 random small studies claims what report.json says, and nothing more.

The studies have one person or few, one image or few, one to three methods, no photographs, nobody
or everybody fooled, all kinds of outcomes and flags. The claims are read from the sentences and
decided here from the numbers of report.json, not by the functions that made the sentences.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.findings.report_data import ReportOptions, assemble_findings
from analysis.formatting import MINUS_SIGN, NARROW_SPACE, method_label
from analysis.inputs.design import Design, Plan
from analysis.inputs.sources import read_responses
from analysis.report_output.methods_section import format_methods_section
from analysis.report_output.participant_sentences import iterate_answer_sentences
from analysis.report_output.sentences import (
    format_average_sentence,
    format_difference_sentence,
    format_error_sentence,
    format_ranking_sentence,
    format_rate_sentence,
)
from analysis.report_output.study_sentences import (
    format_design_sentence,
    format_robustness_sentence,
    format_sample_sentence,
)
from tests.analysis.rows import Row, make_row, write_csv

STUDIES = 300
NUMBER = rf"[{MINUS_SIGN}]?[0-9][0-9,]*(?:\.[0-9]+)?"
Report = dict[str, Any]


def draw_study(rng: np.random.Generator) -> list[Row]:
    """Draw a small study; its extremes are as frequent as ordinary studies."""
    people, images, methods = (int(rng.choice(counts)) for counts in ((1, 2, 4, 10), (1, 2, 4, 7),
                                                                      (1, 2, 3)))  # fmt: skip
    single, has_photographs = rng.random() < 0.35, rng.random() < 0.7
    rates = rng.choice([0.0, 0.3, 0.6, 1.0], methods, p=[0.15, 0.4, 0.3, 0.15])
    names = rng.permutation(["l2", "mcl", "new"])[:methods].tolist()
    mode = str(rng.choice(["live", "simulated", "preview"], p=[0.7, 0.2, 0.1]))
    rows: list[Row] = []
    for person in range(people):
        outcome = str(rng.choice(["complete", "abandoned", "screened_out"], p=[0.85, 0.1, 0.05]))
        leaves = rng.random() < 0.3  # early, and is fooled more often
        count = int(rng.integers(1, images + 1)) if leaves else 2 * images
        for position in range(count):
            kind = "attention" if rng.random() < 0.1 else "test"
            truth = "real" if single and has_photographs and rng.random() < 0.5 else "fake"
            which = int(rng.integers(methods))
            odds = rates[which] ** (0.2 if leaves else 1.0)
            wrong = rng.random() < (0.2 if truth == "real" else odds)
            rows.append(
                make_row(
                    participant=f"p{person}", position=str(position), outcome=outcome, mode=mode,
                    image=f"i{position % images}", kind=kind, rt_ms=draw_time(rng),
                    flags=str(rng.choice(["", "blurred", "voided", "late"], p=[.9, .05, .03, .02])),
                    exposure_ms="1000", first_ms=str(rng.choice(["1000", "1040"])),
                    **answer_single(truth, names[which], wrong) if single
                    else answer_pair(str(rng.choice(["left", "right"])), names[which], wrong),
                )
            )  # fmt: skip
            if rng.random() < 0.05:
                rows[-1]["answer"] = ""
        rows += repeat_first(rng, rows, person, count)
    return rows


def draw_time(rng: np.random.Generator) -> str:
    return str(rng.choice(["150", "900", "70000", ""], p=[0.08, 0.85, 0.03, 0.04]))


def answer_pair(side: str, method: str, wrong: bool) -> Row:
    other = {"left": "right", "right": "left"}[side]
    return {"method": method, "truth": side, "answer": other if wrong else side}


def answer_single(truth: str, method: str, wrong: bool) -> Row:
    other = {"real": "fake", "fake": "real"}[truth]
    made_by = "real" if truth == "real" else method
    answer = {"method": made_by, "truth": truth, "answer": other if wrong else truth}
    return answer | {"presentation": "single", "real_image": ""}


def repeat_first(
    rng: np.random.Generator, rows: list[Row], person: int, count: int
) -> Iterator[Row]:
    """Repeat a participant's first trial, in a third of the cases."""
    first = next(row for row in rows if row["participant"] == f"p{person}")
    if rng.random() < 0.33 and first["kind"] == "test":
        yield first | {"position": str(count), "repeat_of": "0"}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    """Return report.json of every study."""
    folder, found = tmp_path_factory.mktemp("studies"), []
    for seed in range(STUDIES):
        rng = np.random.default_rng(seed)
        path: Path = write_csv(folder / "responses.csv", draw_study(rng))
        responses = read_responses(str(path))
        mode = responses.distinct("mode")[0]
        options = ReportOptions(
            mode=mode, margin=[None, 0.05, 0.6][seed % 3], design=draw_design(rng)
        )
        report = assemble_findings(responses, [], options).report
        found.append(json.loads(json.dumps(report)))
    return found


def draw_design(rng: np.random.Generator) -> Design | None:
    plan = Plan(margin=0.05 if rng.random() < 0.5 else None)
    return Design("a" * 64, "trees", {}, plan) if rng.random() < 0.3 else None


pytestmark = pytest.mark.slow(50)


def read(sentence: str, pattern: str) -> list[str]:
    """Return the groups of the pattern, which must be in the sentence."""
    match = re.search(pattern, sentence.replace(NARROW_SPACE, " "))
    assert match, f"{pattern!r} is not in {sentence!r}"
    return list(match.groups())


def rounds_to(printed: str, value: float, times: float = 100) -> bool:
    """Return whether the printed number is the value, as exactly as its digits say."""
    digits = len(printed.partition(".")[2])
    number = float(printed.replace(MINUS_SIGN, "-").replace(",", ""))
    return abs(number - times * value) <= 0.5 * 10.0**-digits + 1e-9


def is_honest(printed: str, share: float) -> bool:
    """Return whether a share is printed as 0, 50 or 100 only if it is; and its sign is right."""
    number: float = float(printed.replace(MINUS_SIGN, "-"))
    exact: bool = number not in (0, 50, 100) or abs(number - 100 * share) < 1e-9
    return exact and (number == 0 or (number > 0) == (share > 0))


def significant(pair: Report) -> bool:
    if pair["p_holm"] is not None:
        return bool(pair["p_holm"] < 0.05)
    return pair["ci95"] is not None and not pair["ci95"][0] <= 0 <= pair["ci95"][1]


def differs(pair: Report, method: str) -> float:
    """Return rate(method) - rate(the other) of a pair of which it is one."""
    return float(pair["difference"] if pair["a"] == method else -pair["difference"])


def check_rate(report: Report) -> None:
    for method, rate in report["methods"].items():
        sentence = format_rate_sentence(method, report)
        if rate["trials"] == 0:
            assert sentence == f"No included trial showed {method_label(method)}."
            continue
        (share,) = read(sentence, rf" on ({NUMBER})% of trials")
        assert rounds_to(share, rate["fooled"] / rate["trials"])
        assert is_honest(share, rate["rate"])
        assert ("simulated participants" in sentence) == (report["input"]["mode"] == "simulated")
        if rate["participants"] == rate["images"] == 1:
            assert "not enough for a confidence interval" in sentence
            continue
        low, high = read(sentence, rf"95% CI ({NUMBER}) to ({NUMBER})")
        assert rounds_to(low, rate["ci95"][0])
        assert rounds_to(high, rate["ci95"][1])
        assert ("this participant only" in sentence) == (rate["participants"] == 1)
        assert ("this photograph only" in sentence) == (rate["images"] == 1)
        check_chance(sentence, rate, report)
        lower = {
            pair["b"] if pair["a"] == method else pair["a"]
            for pair in report["differences"]
            if method in (pair["a"], pair["b"]) and significant(pair) and differs(pair, method) > 0
        }
        named = sentence.partition("more often than ")[2]
        assert lower == {
            other for other in report["methods"] if f"{method_label(other)} (" in named
        }


def check_chance(sentence: str, rate: Report, report: Report) -> None:
    claimed = [word for word in ("below", "above", "not significantly") if f": {word}" in sentence]
    p = rate["vs_chance"]["p_holm"]
    if report["input"]["single"] or p is None:
        assert claimed == []
    elif p >= 0.05:
        assert claimed == ["not significantly"]
    else:
        assert claimed == ["below" if rate["rate"] < 0.5 else "above"]


def check_error(report: Report) -> None:
    if not report["input"]["single"]:
        return
    for method, rate in report["methods"].items():
        sentence = format_error_sentence(method, report)
        if rate["trials"] == 0:
            assert sentence == ""
        elif rate["error"]["trials"] == rate["trials"]:
            assert "rated no photographs" in sentence
        else:
            photographs = rate["error"]["trials"] - rate["trials"]
            alarms = (rate["error"]["fooled"] - rate["fooled"]) / photographs
            wrong, fooled, alarm = read(
                sentence,
                rf"({NUMBER})%.* of answers were wrong: ({NUMBER})% of fakes were taken for "
                rf"photographs, and ({NUMBER})% of photographs",
            )
            for printed, value in (
                (wrong, rate["error"]["rate"]), (fooled, rate["rate"]), (alarm, alarms),
            ):  # fmt: skip
                assert rounds_to(printed, value)
                assert is_honest(printed, value)
            assert ("d′" in sentence) == (rate["d_prime"] is not None)


def check_average(report: Report) -> None:
    for method, rate in report["methods"].items():
        sentence, average = format_average_sentence(method, report), rate["participant_averaged"]
        assert (sentence != "") == (average["p"] is not None and average["p"] < 0.05)
        if sentence:
            fewer, own, pooled = read(
                sentence,
                rf"fooled, the (\w+) trials.* it is ({NUMBER})% .*trials, ({NUMBER})%",
            )
            assert fewer == ("fewer" if rate["rate"] < average["rate"] else "more")
            assert rounds_to(own, average["rate"])
            assert rounds_to(pooled, rate["rate"])


def check_differences(report: Report) -> None:
    source = report["equivalence_margin"]["source"]
    for pair in report["differences"]:
        sentence = format_difference_sentence(pair, source)
        a, b = method_label(pair["a"]), method_label(pair["b"])
        rate_a, rate_b = (report["methods"][pair[side]]["rate"] for side in "ab")
        (points,) = read(sentence, rf"{a} − {b} is (?:not significant: )?({NUMBER}) points")
        assert rounds_to(points, rate_a - rate_b)
        assert is_honest(points, rate_a - rate_b)
        if pair["ci95"] is None:
            assert "too few data" in sentence
            continue
        low, high = read(sentence, rf"95% CI ({NUMBER}) to ({NUMBER})")
        assert rounds_to(low, pair["ci95"][0])
        assert rounds_to(high, pair["ci95"][1])
        assert ("is not significant" not in sentence) == significant(pair)
        assert ("no test was possible" in sentence) == (pair["p"] is None)
        if significant(pair):
            higher, lower = read(
                sentence, r"rate of (.*) is significantly higher than that of (.*?):"
            )
            assert (higher, lower) == ((a, b) if rate_a > rate_b else (b, a))
        else:
            check_equivalence(sentence, pair["equivalence"], source)
        mixed = pair["mixed"]["p"] if pair["mixed"] else None
        p = pair["p"]
        disagrees = mixed is not None and p is not None and (mixed < 0.05) != (p < 0.05)
        assert ("The mixed model disagrees" in sentence) == disagrees


def check_equivalence(sentence: str, test: Report, source: str) -> None:
    if test["p"] is None:
        assert "This does not show that they are equal" in sentence
        return
    (margin,) = read(sentence, rf"within ({NUMBER}) points")
    assert rounds_to(margin, test["margin"])
    inside = -test["margin"] < test["ci90"][0] and test["ci90"][1] < test["margin"]
    assert ("They are equivalent" in sentence) == inside
    assert ("fixed in the frozen design" in sentence) == (source == "design")
    assert ("default margin" in sentence) == (source == "default")


def check_margin(report: Report) -> None:
    design, used = report["design"], report["equivalence_margin"]
    planned = design["margin"]
    assert (used["source"] == "design") == (planned is not None and planned == used["margin"])
    if used["source"] == "default":
        assert used["margin"] == 0.05
        assert planned is None


def check_ranking(report: Report) -> None:
    sentence = format_ranking_sentence(report)
    for method, rate in report["methods"].items():
        label, reliability = method_label(method), rate["ranking"]["reliability"]
        if reliability is None:
            assert f"The fakes of {label} cannot be ranked" in sentence
            reason = sentence.partition(f"of {label} cannot be ranked: ")[2].partition(".")[0]
            assert (reason == "only one photograph") == (rate["images"] == 1)
            assert (reason == "no included trials") == (rate["trials"] == 0)
        else:
            (printed,) = read(sentence, rf"({NUMBER}) for {label}")
            assert rounds_to(printed, reliability, times=1)
            assert float(printed) not in (0, 0.5, 1) or float(printed) == reliability
            noisy = sentence.partition("so the fakes of ")[2].partition(" are not ranked")[0]
            assert (label in noisy) == (reliability < 0.5)


def check_sample(report: Report) -> None:
    sentence, exclusions = format_sample_sentence(report), report["exclusions"]
    last = exclusions["flow"][-1]
    people = exclusions["participants"]
    excluded = sum(bool(person["reasons"]) for person in people)
    if last["trials"]:
        participants, trials = read(sentence, rf"^({NUMBER}) .*(?:classified|answered) ({NUMBER}) ")
        assert (int(participants), int(trials)) == (last["participants"], last["trials"])
    else:
        assert sentence.startswith("No included participant answered a test trial")
    assert ("no participant was excluded" in sentence) == (excluded == 0)
    if excluded:
        (count,) = read(sentence, rf"({NUMBER}) (?:more )?participants? w\w+ excluded:")
        assert int(count) == excluded
        assert (" more participant" in sentence) == (last["participants"] > 0)
        several = any(len(person["reasons"]) > 1 for person in people)
        assert ("more than one reason" in sentence) == several
    left = len(people) - excluded - last["participants"]
    assert ("had no usable test trial" in sentence) == (left > 0)


def check_robustness(report: Report) -> None:
    sentence, methods = format_robustness_sentence(report), report["methods"]
    steps = {step["step"]: step["trials"] for step in report["exclusions"]["flow"]}
    moved = [
        abs(other["rate"] - methods[method]["rate"])
        for others in report["exclusions"]["leave_one_rule_out"].values()
        for method, other in others.items()
        if None not in (other["rate"], methods[method]["rate"])
    ]
    lost = steps["answered and not voided"] > report["exclusions"]["flow"][-1]["trials"]
    assert (sentence != "") == (lost and bool(moved))
    if not sentence:
        return
    for method, rate in methods.items():
        if rate["rate_without_exclusions"] is not None:
            (printed,) = read(sentence, rf"{method_label(method)} ({NUMBER})%")
            assert rounds_to(printed, rate["rate_without_exclusions"])
    assert ("changes no rate." in sentence) == (max(moved) == 0)
    if max(moved) > 0:
        (printed,) = read(sentence, rf"by more than ({NUMBER}) points")
        assert rounds_to(printed, max(moved))
        assert float(printed) > 0
    turned = [
        pair
        for pair in report["differences"]
        for other in (pair["without_exclusions"], *pair["without_a_rule"].values())
        if other and significant(other) != significant(pair)
    ]
    assert ("However, " in sentence) == bool(turned)


def check_design(report: Report) -> None:
    sentence, design = format_design_sentence(report), report["design"]
    assert ("No frozen design was given" in sentence) == (design["verdict"] == "unknown")
    assert ("matches its frozen design" in sentence) == (design["verdict"] == "match")
    if design["verdict"] == "deviations":
        (count,) = read(sentence, rf"the responses show ({NUMBER}) deviation")
        assert int(count) == len(design["deviations"])
    if design["verdict"] != "unknown":
        assert (
            "The responses cannot show its hypotheses, stopping rule, wording and stimuli."
            in sentence
        )


def check_behavior(report: Report) -> None:
    text = "\n".join(iterate_answer_sentences(report))
    change = report["order"]["difference"]
    if "(second − first half)" in text:
        claim, *numbers = read(
            text,
            rf"(.*): the difference \(second − first half\) is ({NUMBER}) points "
            rf"\(95% CI ({NUMBER}) to ({NUMBER})\)",
        )
        for printed, value in zip(numbers, (change["difference"], *change["ci95"]), strict=True):
            assert rounds_to(printed, value)
        is_tested, is_higher = change["p"] is not None, change["difference"] > 0
        assert ("could not be tested" in claim) == (not is_tested)
        assert ("did not change significantly" in claim) == (is_tested and change["p"] >= 0.05)
        is_significant = is_tested and change["p"] < 0.05
        assert ("was higher" in claim) == (is_significant and is_higher)
        assert ("was lower" in claim) == (is_significant and not is_higher)
    sides = report["side_bias"]
    if "People chose the left" in text:
        chose = sides["chose_left"]
        biased = chose["p"] is not None and chose["p"] < 0.05
        assert ("a bias to the left" in text) == (biased and chose["rate"] > 0.5)
        assert ("a bias to the right" in text) == (biased and chose["rate"] < 0.5)
        assert ("no detectable side bias" in text) == (chose["p"] is not None and not biased)
    checks = report["attention_checks"]
    if checks["answers"]:
        answers, share = read(text, rf"Of ({NUMBER}) attention checks?, ({NUMBER})% were")
        assert int(answers) == checks["answers"]
        assert rounds_to(share, checks["correct"] / checks["answers"])
        assert is_honest(share, checks["rate"])
    if report["timing"]["trials"]:
        (trials,) = read(text, rf"Of ({NUMBER}) test trials and attention checks")
        assert int(trials) == report["timing"]["trials"]
        assert (", none was disturbed" in text) == (report["timing"]["disturbed"] == 0)


def check_methods_section(report: Report) -> None:
    text, methods = " ".join(format_methods_section(report)), report["methods"].values()
    tested = any(one["vs_chance"]["p"] is not None for one in methods)
    assert ("ests against 50%" in text) == tested
    assert ("ests between methods" in text) == bool(report["differences"])
    assert ("(Holm, 1979)" in text) == bool(tested or report["differences"])
    assert ("photographs, and fakes made" in text) == (
        report["input"]["single"] and report["input"]["photographs"]
    )
    assert ("simulated participant" in text) == (report["input"]["mode"] == "simulated")
    one_person = any(one["participants"] == 1 for one in methods)
    assert ("do not generalize to new participants" in text) == one_person
    assert ("Clopper" in text) == any("rate_at_bound" in one["flags"] for one in methods)
    assert ("beta-binomial" in text) == any(
        one["ranking"]["reliability"] is not None for one in methods
    )


CHECKS: list[Callable[[Report], None]] = [
    check_rate, check_error, check_average, check_differences, check_margin, check_ranking,
    check_sample, check_robustness, check_design, check_behavior, check_methods_section,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_sentences_of_every_study_are_true(
    reports: list[Report], check: Callable[[Report], None]
) -> None:
    for seed, report in enumerate(reports):
        try:
            check(report)
        except AssertionError as error:
            error.add_note(f"study {seed}")
            raise


def test_the_random_studies_contain_the_extremes(reports: list[Report]) -> None:
    rates = [rate for report in reports for rate in report["methods"].values()]
    pairs = [pair for report in reports for pair in report["differences"]]
    present: dict[str, bool] = {
        "one person": any(rate["participants"] == 1 for rate in rates),
        "one image": any(rate["images"] == 1 for rate in rates),
        "one method": any(len(report["methods"]) == 1 for report in reports),
        "nobody fooled": any(rate["rate"] == 0 for rate in rates),
        "everybody fooled": any(rate["rate"] == 1 for rate in rates),
        "no rate": any(rate["rate"] is None for rate in rates),
        "no photographs": any(not report["input"]["photographs"] for report in reports),
        "different counts": any(
            one["p"] is not None and one["p"] < 0.05
            for one in (rate["participant_averaged"] for rate in rates)
        ),
        "significant": any(map(significant, pairs)),
        "not significant": not all(map(significant, pairs)),
        "equivalent": any((pair["equivalence"]["p"] or 1) < 0.05 for pair in pairs),
        "ranked": any(rate["ranking"]["reliability"] is not None for rate in rates),
        "frozen design": any(report["design"]["verdict"] != "unknown" for report in reports),
    }
    assert [name for name, found in present.items() if not found] == []
