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
from analysis.report_output.sentences import LEVEL


def tell_answers(report: ReportPart) -> Iterator[str]:
    """Sides, fatigue or learning, attention checks and timing; only what was measured."""
    yield from _tell_sides(report["side_bias"])
    yield from _tell_consistency(report["consistency"])
    yield from _tell_order(report["order"]["difference"], report["input"]["single"])
    yield from _format_attention_check_sentence(report)
    yield from _tell_timing(report["timing"])


def _tell_sides(sides: ReportPart | None) -> Iterator[str]:
    bias = sides and sides["chose_left"]
    if not bias or bias["ci95"] is None:
        return
    chose = f"{format_percent(bias['rate'])}{NARROW_SPACE}% of trials (95{NARROW_SPACE}% interval"
    leaning = "no leaning to a side that could be told from chance"
    if bias["p"] is not None and bias["p"] < LEVEL:
        leaning = "a leaning to the left" if bias["rate"] > 0.5 else "a leaning to the right"
    yield f"People chose the left on {chose} {format_interval(bias['ci95'])}): {leaning}."


def _tell_consistency(seen: ReportPart | None) -> Iterator[str]:
    if seen is None or seen["ci95"] is None:
        return
    share, chance = (f"{format_percent(seen[key], 0)}{NARROW_SPACE}%" for key in ("rate", "chance"))
    yield (
        f"Of {format_count(seen['repeats'], 'trial', 'trials')} shown again {share} were answered "
        f"as"
        f" before (95{NARROW_SPACE}% interval {format_interval(seen['ci95'], 0)}); answers that "
        f"have nothing to"
        f" do with each other would agree on {chance}."
    )


def _tell_order(change: ReportPart | None, single: bool) -> Iterator[str]:
    if change is None or change["ci95"] is None:
        return
    more = "more" if change["difference"] > 0 else "less"
    points = f"{format_percent(abs(change['difference']))} points"
    told = change["p"] is not None and change["p"] < LEVEL
    yield (
        f"In the second half of their trials people were {'wrong' if single else 'fooled'} {more}"
        f" often, by {points}"
        f" ({format_interval(change['ci95'])})"
        + ("." if told else ", which the study cannot tell from none.")
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


def _tell_timing(timing: ReportPart) -> Iterator[str]:
    if not timing["trials"]:
        return
    disturbed = f"{format_percent(timing['disturbed'])}{NARROW_SPACE}% of trials were"
    said = f"{disturbed if timing['disturbed'] else 'No trial was'} disturbed and yet kept"
    off = [exposure["shorter"] + exposure["longer"] for exposure in timing["exposures"]]
    if off:
        most = f"at most {format_percent(max(off))}{NARROW_SPACE}% of exposures were"
        said += f"; {most if max(off) else 'no exposure was'} off by a frame"
    yield f"{said}."
