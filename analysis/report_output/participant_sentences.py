"""Response behavior in sentences: side bias, repeats, order, attention checks, timing."""

from collections.abc import Iterator

from analysis.formatting import (
    ReportPart,
    format_count,
    format_interval,
    format_number,
    format_percent,
)
from analysis.report_output.sentences import SIGNIFICANCE_LEVEL


def iterate_answer_sentences(report: ReportPart) -> Iterator[str]:
    """Yield a sentence for each aspect of response behavior that was measured."""
    yield from _format_side_sentence(report["side_bias"])
    yield from _format_consistency_sentence(report["consistency"])
    yield from _format_order_sentence(report["order"]["difference"], report["input"]["single"])
    yield from _format_attention_check_sentence(report)
    yield from _format_timing_sentence(report["timing"])


def _format_side_sentence(sides: ReportPart | None) -> Iterator[str]:
    bias = sides and sides["chose_left"]
    if not bias or bias["ci95"] is None:
        return
    chose = f"{format_percent(bias['rate'])}% of trials (95% CI"
    leaning = "no detectable side bias"
    if bias["p"] is not None and bias["p"] < SIGNIFICANCE_LEVEL:
        leaning = f"a bias toward the {'left' if bias['rate'] > 0.5 else 'right'}"
    yield f"The left image was chosen on {chose} {format_interval(bias['ci95'])}): {leaning}."


def _format_consistency_sentence(consistency: ReportPart | None) -> Iterator[str]:
    if consistency is None or consistency["ci95"] is None:
        return
    share, chance = (
        f"{format_percent(consistency[key], 0)}%" for key in ("rate", "expected_agreement")
    )
    yield (
        f"Of {format_count(consistency['repeats'], 'repeated trial', 'repeated trials')}, {share} "
        f"were answered the same way as before (95% CI {format_interval(consistency['ci95'], 0)}); "
        f"unrelated answers would agree on {chance} of them."
    )


def _format_order_sentence(change: ReportPart | None, is_single: bool) -> Iterator[str]:
    if change is None or change["ci95"] is None:
        return
    more = "more" if change["difference"] > 0 else "less"
    points = f"{format_percent(abs(change['difference']))} points"
    low, high = change["ci95"]
    # "Less often, by 2 points" states a decrease, so its interval has the opposite sign.
    bounds = (low, high) if change["difference"] > 0 else (-high, -low)
    is_significant = change["p"] is not None and change["p"] < SIGNIFICANCE_LEVEL
    yield (
        f"In the second half of the trials, participants were {'wrong' if is_single else 'fooled'} "
        f"{more} often, by {points} (95% CI {format_interval(bounds)})"
        + ("." if is_significant else "; the change is not significant.")
    )


def _format_attention_check_sentence(report: ReportPart) -> Iterator[str]:
    checks = report["attention_checks"]
    if checks["rate"] is None:
        return
    share = f"{format_percent(checks['rate'], 0)}%"
    sentence = (
        f"Of {format_number(checks['answers'])} attention checks, {share} were answered correctly."
    )
    flagged = sum(person["flagged"] for person in report["exclusions"]["participants"])
    if flagged:
        failed = format_count(flagged, "participant", "participants")
        sentence += (
            f" {failed} failed too many but {'was' if flagged == 1 else 'were'} kept: there were"
            " too few attention checks to exclude anyone."
        )
    yield sentence


def _format_timing_sentence(timing: ReportPart) -> Iterator[str]:
    if not timing["trials"]:
        return
    disturbed = f"{format_percent(timing['disturbed'])}% of test trials and attention checks were"
    sentence = (
        f"{disturbed if timing['disturbed'] else 'No test trial or attention check was'} disturbed"
    )
    off = [exposure["shorter_share"] + exposure["longer_share"] for exposure in timing["exposures"]]
    if off:
        most = f"at most {format_percent(max(off))}% of exposures were"
        sentence += f"; {most if max(off) else 'no exposure was'} off by more than one 60 Hz frame"
    yield f"{sentence}."
