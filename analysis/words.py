"""The findings in plain sentences, made from the very numbers that the tables print."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.intervals import Interval

NAMES = {
    "l2": "L2",
    "mcl": "MCL",
    "mcl-annealed": "Annealed MCL",
    "zhang2016": "Zhang et al. 2016",
    "foil": "Foil",
}
REASONS = {
    "active": "had not finished",
    "screened_out": "were screened out",
    "abandoned": "gave up",
    "timed_out": "ran out of time",
    "returned": "returned the task",
    "repeated": "had taken part before",
    "incomplete": "did not finish",
    "vigilance": "missed too many vigilance trials",
    "too_fast": "answered too fast",
    "side_bias": "chose one side nearly always",
    "alternation": "chose the sides in turn",
    "timing": "were disturbed too often",
}
WHO = {"live": "people", "preview": "people at a preview", "simulated": "simulated people"}
SPACE = "\u202f"  # narrow and unbreakable, between a number and its unit
MINUS = "\u2212"
DASH = "\u2013"  # printed where the data cannot tell
LEVEL = 0.05  # of a test, for what the sentences call a difference
EVEN = f"50{SPACE}%"
FLAGS = {
    "no_trials": "none of its answered trials counts",
    "one_participant": "one person only, so the interval says nothing of other people",
    "one_image": "one photograph only, so the interval says nothing of other photographs",
    "few_participants": "fewer than ten people, so the interval leans on its assumptions",
    "few_images": "fewer than ten photographs, so the interval leans on its assumptions",
    "rate_at_bound": f"a rate of 0 or 100{SPACE}% shows no spread; the interval is the exact"
    " binomial one, with a design effect from the other methods or from typical studies",
    "no_variation": "the difference never varies, so there is no spread to judge it by",
}

Entry = Mapping[str, Any]  # a method or a difference of report.json


def name(method: str) -> str:
    """What a reader calls a method."""
    return NAMES.get(method, method)


def number(value: float | None, digits: int = 0) -> str:
    """A number with a true minus sign, and none before zero."""
    if value is None:
        return DASH
    printed = f"{abs(value):,.{digits}f}"
    return MINUS + printed if value < 0 and printed.strip("0.") else printed


def percent(share: float | None, digits: int = 1) -> str:
    """0.312 -> 31.2"""
    return number(None if share is None else 100 * share, digits)


def interval(bounds: Interval | None, digits: int = 1) -> str:
    """(0.26, 0.37) -> 26.0 to 37.0"""
    if bounds is None:
        return DASH
    return f"{percent(bounds[0], digits)} to {percent(bounds[1], digits)}"


def p_value(p: float | None) -> str:
    """Three digits, never 0."""
    if p is None:
        return DASH
    return f"<{SPACE}0.001" if p < 0.001 else f"{p:.3f}"


def p_equation(p: float) -> str:
    """p = 0.021, or p < 0.001"""
    printed = p_value(p)
    return f"p {printed}" if printed.startswith("<") else f"p = {printed}"


def listing(words: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def plural(count: int, one: str, many: str) -> str:
    """1 person, 40 people"""
    return f"{number(count)} {one if count == 1 else many}"


def tell_study(report: Entry) -> str:
    """How many people judged how much, and who was left out."""
    counted = report["exclusions"]["flow"][-1]
    left_out = report["exclusions"]["by_reason"]
    simulated = "simulated " * (report["input"]["mode"] == "simulated")
    people = plural(counted["participants"], f"{simulated}person", f"{simulated}people")
    pairs = plural(counted["trials"], "pair", "pairs")
    judged = f"{people} judged {pairs} of a photograph and a fake"
    if not counted["trials"]:
        judged = "Nobody who counts has answered a test trial"
    if not left_out:
        return f"{judged}; nobody was left out."
    reasons = listing([f"{count} {REASONS[reason]}" for reason, count in left_out.items()])
    others = plural(sum(left_out.values()), "other is", "others are")
    return f"{judged}. {others} not counted: {reasons}."


def tell_rate(method: str, rate: Entry, mode: str) -> str:
    """How often a method fooled people."""
    if rate["rate"] is None:
        return f"No trial that counts showed {name(method)}."
    share = f"{percent(rate['rate'], _digits(rate))}{SPACE}%"
    fooled = f"{name(method)} fooled {WHO[mode]} on {share} of trials"
    if rate["ci95"] is None:
        return f"{fooled}; one person and one photograph allow no interval."
    known = interval(rate["ci95"], _digits(rate))
    return f"{fooled} (95{SPACE}% interval {known}{_scope(rate)})."


def tell_chance(methods: Mapping[str, Entry]) -> list[str]:
    """Which methods fall short of chance, surpass it, or cannot be told from it."""
    found: dict[str, list[str]] = {"below": [], "above": [], "open": []}
    for method, rate in methods.items():
        p = rate["vs_chance"]["p_holm"]
        if p is not None:
            side = "below" if rate["rate"] < 0.5 else "above"
            found[side if p < LEVEL else "open"].append(name(method))
    verdicts = {
        "below": f"fell short of {EVEN}, the rate of fakes as convincing as photographs",
        "above": f"surpassed {EVEN}: the fakes convinced more than the photographs",
        "open": f"cannot be told from {EVEN}, the rate of fakes as convincing as photographs",
    }
    return [f"{listing(found[key])} {verdicts[key]}." for key in verdicts if found[key]]


def tell_difference(difference: Entry) -> str:
    """Which of two methods fooled more often, and whether the study can tell."""
    more, less = name(difference["a"]), name(difference["b"])
    size, bounds = difference["difference"], difference["ci95"]
    if size < 0:
        more, less, size = less, more, -size
        bounds = bounds and (-bounds[1], -bounds[0])
    points = f"{percent(size)} points"
    if bounds is None:
        return f"{more} and {less} lie {points} apart; the data are too few to judge that."
    known = f"95{SPACE}% interval {interval(bounds)}{_scope(difference)}"
    if not _is_told(difference):
        return (
            f"{more} and {less} cannot be told apart: the difference is {points} ({known})."
            " That does not make them equal."
        )
    p = difference["p_holm"]
    tested = "no test was possible" if p is None else p_equation(p)
    return f"{more} fooled more often than {less}, by {points} ({known}; {tested})."


def tell_rates(methods: Mapping[str, Entry]) -> str:
    """The figure in words, for who cannot see it."""
    rates = (
        f"{name(method)}: {percent(rate['rate'])}{SPACE}%, interval {interval(rate['ci95'])}."
        for method, rate in methods.items()
    )
    return " ".join(rates) + " The published rates stand in the table below."


def _is_told(difference: Entry) -> bool:
    """By its test; by its interval where there is none."""
    if difference["p_holm"] is not None:
        return bool(difference["p_holm"] < LEVEL)
    low, high = difference["ci95"]
    return bool(low > 0 or high < 0)


def _digits(rate: Entry) -> int:
    """Whole percents, unless that would hide the interval."""
    bounds = rate["ci95"]
    return 1 if bounds and bounds[1] - bounds[0] < 0.02 else 0


def _scope(entry: Entry) -> str:
    if "one_participant" in entry["flags"]:
        return ", for one person only"
    return ", for one photograph only" if "one_image" in entry["flags"] else ""
