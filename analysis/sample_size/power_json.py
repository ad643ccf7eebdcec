"""How many people a comparison needs: power.json, and the same in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from math import inf
from typing import Any

from analysis.formatting import EN_DASH, format_number, format_percent, join_words
from analysis.sample_size.formulas import (
    Comparison,
    Effects,
    difference_error,
    half_width,
    images_needed,
    people_needed,
    power,
)
from analysis.sample_size.simulated_studies import simulate_power

SCHEMA = "hue-and-eye/power/1"
TARGETS = {"80": 0.8, "90": 0.9}  # powers, by their keys in power.json
TRIALS, IMAGES = (0.5, 1, 2), (0.5, 1, 2, 4, 8)  # of those asked for, in the table
POINTS = 60  # of the curve
FAR = 2000  # people, to which it goes where no number suffices

Row = Mapping[str, int | None]


def plan_sample(study: Comparison, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What power.json says.

    asked: the command's options, kept in it; with `simulate` so many studies of each number of
    people, drawn from `seed`, are simulated.
    """
    needed = {key: people_needed(study, target) for key, target in TARGETS.items()}
    reached = {key: people for key, people in needed.items() if people is not None}
    return {
        "schema": SCHEMA,
        "inputs": {**asked, **_name_effects(study.effects)},
        "participants": needed if reached else None,
        "reason": _tell_cap(study, [key for key in TARGETS if key not in reached]),
        "half_width": {key: half_width(study, people) for key, people in reached.items()},
        "power_limit": power(study, inf),
        "curve": _follow(study, max(reached.values(), default=FAR)),
        "table": list(_vary(study)),
        "simulated": {
            key: simulate_power(study, people, asked["simulate"], asked["seed"])
            for key, people in reached.items()
            if asked["simulate"]
        },
    }


def tell_plan(study: Comparison, plan: Mapping[str, Any]) -> Iterator[str]:
    """The question, the answer, and people for other trials and photographs, line by line."""
    yield _tell_question(study)
    for key, people in (plan["participants"] or {}).items():
        if people is not None:
            known = format_percent(plan["half_width"][key])
            yield (
                f"{key} % power: {format_number(people)} people, who tell one rate to ±{known} "
                f"points"
            )
        if key in plan["simulated"]:
            yield (
                f"  of simulated studies of this size {format_percent(plan['simulated'][key])} % "
                f"show it"
            )
    if plan["reason"]:
        yield plan["reason"]
    yield f"\nPeople for {' / '.join(TARGETS)} % power, by trials a person and photographs:"
    yield from _print_table(plan["table"])


def _name_effects(effects: Effects) -> dict[str, float]:
    return {f"sd_{factor}": sd for factor, sd in asdict(effects).items()}


def _tell_question(study: Comparison) -> str:
    first, second = (f"{format_percent(rate)} %" for rate in study.rates)
    goal = f"To tell {first} from {second}"
    if study.margin is not None:
        goal = (
            f"To show {first} and {second} to differ by less than {format_percent(study.margin)} "
            f"points"
        )
    seen = "everybody sees all" if study.within else "everybody sees one"
    trials = (
        f"{format_number(study.trials)} trials a person on {format_number(study.images)} "
        f"photographs"
    )
    return f"{goal}: {trials}, {seen} of {study.methods} methods"


def _tell_cap(study: Comparison, missed: Sequence[str]) -> str | None:
    """Why no number of people has these powers."""
    if not missed:
        return None
    left = format_percent(difference_error(study, inf), 2)
    enough = images_needed(study, TARGETS[missed[0]])
    remedy = f"it takes more than {format_number(enough)}" if enough else "more would not help"
    return (
        f"No number of people gives {join_words(missed)} % power: {format_number(study.images)} "
        f"photographs"
        f" leave a standard error of {left} points however many come; {remedy}"
    )


def _follow(study: Comparison, most: int) -> list[dict[str, float]]:
    """Power with more and more people, to half again as many as `most`."""
    step = study.methods * max(1, round(1.5 * most / POINTS / study.methods))
    counts = range(max(step, 2 * study.methods), step * POINTS + 1, step)
    return [{"participants": count, "power": power(study, count)} for count in counts]


def _vary(study: Comparison) -> Iterator[Row]:
    """People needed with fewer and more trials and images than asked for."""
    few = study.methods if study.within else 1
    for trials in sorted({max(round(study.trials * factor), few) for factor in TRIALS}):
        for images in sorted({round(study.images * factor) for factor in IMAGES}):
            if images >= max(trials, 2):
                other = replace(study, trials=trials, images=images)
                yield {"trials": trials, "images": images} | {
                    f"participants_{key}": people_needed(other, target)
                    for key, target in TARGETS.items()
                }


def _print_table(rows: Sequence[Row]) -> Iterator[str]:
    """A line a number of trials, a column a number of images."""
    cells = {(row["trials"], row["images"]): _join(row) for row in rows}
    trials, images = (sorted({row[key] or 0 for row in rows}) for key in ("trials", "images"))
    yield " " * 12 + "".join(f"{format_number(count):>16}" for count in images)
    for count in trials:
        printed = "".join(f"{cells.get((count, image), ''):>16}" for image in images)
        yield f"{f'{format_number(count)} trials':>12}{printed}"


def _join(row: Row) -> str:
    needed = [row[f"participants_{key}"] for key in TARGETS]
    return " / ".join(EN_DASH if people is None else format_number(people) for people in needed)
