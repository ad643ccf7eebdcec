"""Assemble power.json, the sample sizes that a comparison needs, and format it as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from math import inf
from typing import Any

from analysis.formatting import EN_DASH, format_count, format_number, format_percent, join_words
from analysis.planning.formulas import ALPHA, PowerScenario, count_pairs
from analysis.planning.judged_scenarios import (
    JudgedScenario,
    PreferenceScenario,
    RatingScenario,
)
from analysis.planning.scenario_power import (
    compute_power,
    expected_half_width,
    find_images_needed,
    find_participants_needed,
)
from analysis.planning.simulated_studies import simulate_power

POWER_SCHEMA = "hue-and-eye/power/2"
TARGET_POWERS = {"80": 0.8, "90": 0.9}  # powers, by their keys in power.json
TRIAL_FACTORS, IMAGE_FACTORS = (
    (0.5, 1, 2),
    (0.5, 1, 2, 4, 8),
)  # of the planned numbers, in the table
CURVE_POINTS = 60
DEFAULT_CURVE_END = 2000  # participants; the curve ends here if no number suffices

SampleSizeRow = Mapping[str, int | None]
AnyScenario = PowerScenario | JudgedScenario


def assemble_power_json(scenario: AnyScenario, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contents of power.json.

    options: the command's options, which are stored in it. With `simulate`, that many studies of
    each sample size are simulated, with random seed `seed`.
    """
    needed = {
        key: find_participants_needed(scenario, target) for key, target in TARGET_POWERS.items()
    }
    attainable = {
        key: participants for key, participants in needed.items() if participants is not None
    }
    return {
        "schema": POWER_SCHEMA,
        "goal": _format_goal(scenario),
        "inputs": {**options, **_name_effects(scenario), "alpha": scenario.alpha},
        "participants": needed if attainable else None,
        "reason": _format_limit_reason(
            scenario, [key for key in TARGET_POWERS if key not in attainable]
        ),
        "half_width": {
            key: expected_half_width(scenario, participants)
            for key, participants in attainable.items()
        },
        "power_limit": compute_power(scenario, inf),
        "curve": _power_curve(scenario, max(attainable.values(), default=DEFAULT_CURVE_END)),
        "table": list(_iterate_table_rows(scenario)),
        "simulated": {
            key: simulate_power(scenario, participants, options["simulate"], options["seed"])
            for key, participants in attainable.items()
            if options["simulate"]
        },
    }


def format_plan(scenario: AnyScenario, plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield the printed lines: the question, the answer, and the table of sample sizes."""
    yield plan["goal"]
    for key, participants in (plan["participants"] or {}).items():
        if participants is not None:
            half_width = _format_half_width(scenario, plan["half_width"][key])
            people = format_count(participants, "participant", "participants")
            yield f"{key}% power: {people}; 95% CI of {half_width}"
        if key in plan["simulated"]:
            yield (
                f"  {format_percent(plan['simulated'][key])}% of simulated studies of this size "
                "gave a significant result"
            )
    if plan["reason"]:
        yield plan["reason"]
    yield (
        f"\nParticipants for {' / '.join(TARGET_POWERS)}% power, by trials per participant and "
        "number of photographs:"
    )
    yield from _format_table(plan["table"])


def _name_effects(scenario: AnyScenario) -> dict[str, float]:
    """Return the inputs that name the effects, with the values that were assumed."""
    if isinstance(scenario, JudgedScenario):
        return {f"sd_{name}": value for name, value in asdict(scenario.sds).items()}
    effects = scenario.effects
    return {
        "sd_participant": effects.participant,
        "sd_image": effects.image,
        "participant_correlation": effects.participant_correlation,
        "image_correlation": effects.image_correlation,
    }


def _format_half_width(scenario: AnyScenario, half_width: float) -> str:
    if isinstance(scenario, RatingScenario):
        return f"the difference: ±{format_number(half_width, 2)} points of the scale"
    name = "the win rate" if isinstance(scenario, PreferenceScenario) else "one rate"
    return f"{name}: ±{format_percent(half_width)} points"


def _format_goal(scenario: AnyScenario) -> str:
    """Describe what the study is to show, and with which trials."""
    assignment_text = "all" if scenario.fewest_trials > 1 else "one of the"
    trials = (
        f"{format_count(scenario.trials, 'trial', 'trials')} per participant on "
        f"{format_count(scenario.images, 'photograph', 'photographs')}{_format_parts(scenario)}"
    )
    sees = f"each participant sees {assignment_text} {scenario.methods} methods"
    pairs = count_pairs(scenario.methods)
    corrected = f"; Holm-corrected for {pairs} pairs of methods" if scenario.alpha < ALPHA else ""
    return f"{_format_effect(scenario)}: {trials}; {sees}{corrected}"


def _format_parts(scenario: AnyScenario) -> str:
    """Say how many of the photographs each method has, if methods do not share them."""
    if isinstance(scenario, JudgedScenario) or scenario.is_paired:
        return ""
    return f", {format_number(scenario.images_of_one_method)} for each method"


def _format_effect(scenario: AnyScenario) -> str:
    if isinstance(scenario, PreferenceScenario):
        share = format_percent(scenario.win_rate)
        return f"To detect that one method is preferred to another in {share}% of trials"
    if isinstance(scenario, RatingScenario):
        points = format_number(abs(scenario.difference), 2)
        return f"To detect a difference of {points} points between two mean scores"
    first, second = (f"{format_percent(rate)}%" for rate in scenario.rates)
    if scenario.margin is None:
        return f"To detect a difference between {first} and {second}"
    margin = format_percent(scenario.margin)
    return f"To show that {first} and {second} differ by less than {margin} points"


def _format_limit_reason(scenario: AnyScenario, missed: Sequence[str]) -> str | None:
    """Explain why no number of participants is enough; None if every power is attainable."""
    if not missed:
        return None
    left = _format_limit(scenario)
    enough = find_images_needed(scenario, TARGET_POWERS[missed[0]])
    remedy = (
        f"use more than {format_number(enough)} photographs"
        if enough
        else "more photographs would not help"
    )
    return (
        f"No number of participants gives {join_words([f'{key}%' for key in missed])} power: with "
        f"{format_count(scenario.images, 'photograph', 'photographs')} the lowest standard error "
        f"is {left}; {remedy}"
    )


def _format_limit(scenario: AnyScenario) -> str:
    """Format the standard error of the difference with infinitely many participants."""
    se = scenario.difference_se(inf)
    if isinstance(scenario, RatingScenario):
        return f"{format_number(se, 2)} points of the scale"
    if isinstance(scenario, PreferenceScenario):
        return f"{format_percent(scenario.reported_se(inf), 2)} points of the win rate"
    return f"{format_percent(se, 2)} points"


def _power_curve(scenario: AnyScenario, max_participants: int) -> list[dict[str, float]]:
    """Return the power for up to 1.5 times `max_participants` participants."""
    group = scenario.group
    step = group * max(1, round(1.5 * max_participants / CURVE_POINTS / group))
    counts = range(max(step, 2 * group), step * CURVE_POINTS + 1, step)
    return [{"participants": count, "power": compute_power(scenario, count)} for count in counts]


def _iterate_table_rows(scenario: AnyScenario) -> Iterator[SampleSizeRow]:
    """Yield the participants needed with fewer and more trials and photographs than planned."""
    few = scenario.fewest_trials
    for trials in sorted({max(round(scenario.trials * factor), few) for factor in TRIAL_FACTORS}):
        for images in sorted({round(scenario.images * factor) for factor in IMAGE_FACTORS}):
            other = replace(scenario, trials=trials, images=images)
            if images >= other.fewest_images:
                yield {"trials": trials, "images": images} | {
                    f"participants_{key}": find_participants_needed(other, target)
                    for key, target in TARGET_POWERS.items()
                }


def _format_table(rows: Sequence[SampleSizeRow]) -> Iterator[str]:
    """Yield the table's lines: a row for each number of trials, a column for each of images."""
    cells = {(row["trials"], row["images"]): _format_cell(row) for row in rows}
    trials, images = (sorted({row[key] or 0 for row in rows}) for key in ("trials", "images"))
    yield " " * 12 + "".join(f"{format_number(count):>16}" for count in images)
    for count in trials:
        printed = "".join(f"{cells.get((count, image), ''):>16}" for image in images)
        yield f"{format_count(count, 'trial', 'trials'):>12}{printed}"


def _format_cell(row: SampleSizeRow) -> str:
    needed = [row[f"participants_{key}"] for key in TARGET_POWERS]
    return " / ".join(
        EN_DASH if participants is None else format_number(participants) for participants in needed
    )
