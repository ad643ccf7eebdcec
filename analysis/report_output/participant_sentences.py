"""Response behavior in sentences: side bias, repeats, order, attention checks, timing."""

from collections.abc import Iterator

from analysis.formatting import (
    ReportPart,
    format_count,
    format_interval,
    format_number,
    format_share,
)
from analysis.report_output.sentences import SIGNIFICANCE_LEVEL


def iterate_answer_sentences(report: ReportPart) -> Iterator[str]:
    """Yield a sentence for each aspect of response behavior that was measured."""
    if "order" in report:  # of tasks with right answers
        yield from _format_side_sentence(report["side_bias"])
        yield from _format_consistency_sentence(report["consistency"])
        yield from _format_order_sentence(report["order"]["difference"], report["input"]["single"])
    yield from _format_attention_check_sentence(report)
    yield from _format_timing_sentence(report["timing"])


def _format_side_sentence(sides: ReportPart | None) -> Iterator[str]:
    bias = sides and sides["chose_left"]
    if not bias or bias["ci95"] is None:
        return
    chose = f"{format_share(bias['rate'])}% of trials (95% CI"
    if bias["p"] is None:
        leaning = "not tested, because all answers were the same"
    elif bias["p"] < SIGNIFICANCE_LEVEL:
        leaning = f"a bias toward the {'left' if bias['rate'] > 0.5 else 'right'}"
    else:
        leaning = "no detectable side bias"
    yield f"The left image was chosen on {chose} {format_interval(bias['ci95'])}): {leaning}."


def _format_consistency_sentence(consistency: ReportPart | None) -> Iterator[str]:
    if consistency is None or consistency["ci95"] is None:
        return
    share, chance = (
        f"{format_share(consistency[key], 0)}%" for key in ("rate", "expected_agreement")
    )
    yield (
        f"Of {format_count(consistency['repeats'], 'repeated trial', 'repeated trials')}, {share} "
        f"were answered the same way as before (95% CI {format_interval(consistency['ci95'], 0)}); "
        f"unrelated answers would agree on {chance} of them."
    )


def _format_order_sentence(change: ReportPart | None, is_single: bool) -> Iterator[str]:
    """Describe the change, second minus first half, with the sign of its interval and table."""
    if change is None or change["ci95"] is None:
        return
    rate = "error rate" if is_single else "fooling rate"
    if change["p"] is None:
        claim = f"A change of the {rate} from the first half of the trials could not be tested"
    elif change["p"] >= SIGNIFICANCE_LEVEL:
        claim = f"The {rate} did not change significantly after the first half of the trials"
    else:
        higher = "higher" if change["difference"] > 0 else "lower"
        claim = f"In the second half of the trials, the {rate} was {higher} than in the first"
    yield (
        f"{claim}: the difference (second − first half) is {format_share(change['difference'])} "
        f"points (95% CI {format_interval(change['ci95'])})."
    )


def _format_attention_check_sentence(report: ReportPart) -> Iterator[str]:
    checks = report["attention_checks"]
    if checks["rate"] is None:
        return
    sentence = (
        f"Of {format_count(checks['answers'], 'attention check', 'attention checks')}, "
        f"{format_share(checks['rate'], 0)}% were answered correctly."
    )
    flagged = sum(person["flagged"] for person in report["exclusions"]["participants"])
    if flagged:
        failed = format_count(flagged, "participant", "participants")
        sentence += (
            f" {failed} failed too many, but there were too few attention checks to exclude anyone"
            " for this reason."
        )
    yield sentence


def _format_timing_sentence(timing: ReportPart) -> Iterator[str]:
    """Describe all test trials and attention checks, before exclusions."""
    if not timing["trials"]:
        return
    trials = f"Of {format_number(timing['trials'])} test trials and attention checks"
    share = f"{format_share(timing['disturbed'])}%" if timing["disturbed"] else "none"
    sentence = f"{trials}, {share} {'was' if share == 'none' else 'were'} disturbed"
    off = [exposure["shorter_share"] + exposure["longer_share"] for exposure in timing["exposures"]]
    if off:
        most = f"at most {format_share(max(off))}% of exposures were"
        sentence += f"; {most if max(off) else 'no exposure was'} off by more than one 60 Hz frame"
    yield f"{sentence}."
