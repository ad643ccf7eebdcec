"""How people answered, in sentences: sides, repeats, order, attention_checks, timing."""

from collections.abc import Iterator

from analysis.formatting import (
    NARROW_SPACE,
    ReportPart,
    format_count,
    format_interval,
    format_number,
    format_percent,
)
from analysis.report_output.sentences import SIGNIFICANCE_LEVEL


def iterate_answer_sentences(report: ReportPart) -> Iterator[str]:
    """Sides, fatigue or learning, attention checks and timing; only what was measured."""
    yield from _format_side_sentence(report["side_bias"])
    yield from _format_consistency_sentence(report["consistency"])
    yield from _format_order_sentence(report["order"]["difference"], report["input"]["single"])
    yield from _format_attention_check_sentence(report)
    yield from _format_timing_sentence(report["timing"])


def _format_side_sentence(sides: ReportPart | None) -> Iterator[str]:
    bias = sides and sides["chose_left"]
    if not bias or bias["ci95"] is None:
        return
    chose = f"{format_percent(bias['rate'])}{NARROW_SPACE}% of trials (95{NARROW_SPACE}% interval"
    leaning = "no leaning to a side that could be told from chance"
    if bias["p"] is not None and bias["p"] < SIGNIFICANCE_LEVEL:
        leaning = "a leaning to the left" if bias["rate"] > 0.5 else "a leaning to the right"
    yield f"People chose the left on {chose} {format_interval(bias['ci95'])}): {leaning}."


def _format_consistency_sentence(consistency: ReportPart | None) -> Iterator[str]:
    if consistency is None or consistency["ci95"] is None:
        return
    share, chance = (
        f"{format_percent(consistency[key], 0)}{NARROW_SPACE}%"
        for key in ("rate", "expected_agreement")
    )
    yield (
        f"Of {format_count(consistency['repeats'], 'trial', 'trials')} shown again {share} were "
        f"answered as"
        f" before (95{NARROW_SPACE}% interval {format_interval(consistency['ci95'], 0)}); answers "
        f"that have nothing to"
        f" do with each other would agree on {chance}."
    )


def _format_order_sentence(change: ReportPart | None, is_single: bool) -> Iterator[str]:
    if change is None or change["ci95"] is None:
        return
    more = "more" if change["difference"] > 0 else "less"
    points = f"{format_percent(abs(change['difference']))} points"
    is_significant = change["p"] is not None and change["p"] < SIGNIFICANCE_LEVEL
    yield (
        f"In the second half of their trials people were {'wrong' if is_single else 'fooled'} "
        f"{more}"
        f" often, by {points}"
        f" ({format_interval(change['ci95'])})"
        + ("." if is_significant else ", which the study cannot tell from none.")
    )


def _format_attention_check_sentence(report: ReportPart) -> Iterator[str]:
    seen = report["attention_checks"]
    if seen["rate"] is None:
        return
    share = f"{format_percent(seen['rate'], 0)}{NARROW_SPACE}%"
    told = f"{format_number(seen['answers'])} attention checks were answered, {share} rightly."
    flagged = sum(person["flagged"] for person in report["exclusions"]["participants"])
    if flagged:
        missed = f"{format_count(flagged, 'person', 'people')} missed too many and yet counted"
        told += f" {missed}, for so few such trials are no ground to leave anybody out."
    yield told


def _format_timing_sentence(timing: ReportPart) -> Iterator[str]:
    if not timing["trials"]:
        return
    disturbed = f"{format_percent(timing['disturbed'])}{NARROW_SPACE}% of trials were"
    sentence = f"{disturbed if timing['disturbed'] else 'No trial was'} disturbed and yet kept"
    off = [exposure["shorter_share"] + exposure["longer_share"] for exposure in timing["exposures"]]
    if off:
        most = f"at most {format_percent(max(off))}{NARROW_SPACE}% of exposures were"
        sentence += f"; {most if max(off) else 'no exposure was'} off by a frame"
    yield f"{sentence}."
