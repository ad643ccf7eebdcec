"""Build the scenario that the options of `python -m analysis.power` describe."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from analysis.planning.formulas import EFFECT_PRESETS, EffectSds, PowerScenario
from analysis.planning.judged_scenarios import (
    PREFERENCE_SDS,
    RATING_SDS,
    JudgedScenario,
    PreferenceScenario,
    RatingScenario,
)
from analysis.planning.tasks.planned import PREFERENCE_TASK, RATES_TASK, RATING_TASK

CORRELATIONS = ("participant_correlation", "image_correlation")  # options, and of EffectSds
SDS = ("participant", "image", "residual")  # of EffectSds and JudgedSds; options as sd_NAME
COMMON_OPTIONS = ("task", "trials", "images", "methods", "simulate", "seed")
TASK_OPTIONS = {
    RATES_TASK: (
        *("rate", "difference", "margin", "effects", "design", "unpaired"),
        *("sd_participant", "sd_image", *CORRELATIONS),
    ),
    PREFERENCE_TASK: ("rate", "sd_participant", "sd_image"),
    RATING_TASK: ("difference", "sd_participant", "sd_image", "sd_residual"),
}
COMMON_DEFAULTS = {"task": RATES_TASK, "trials": 40, "images": 200, "methods": 2}
RATE_DEFAULTS: dict[str, str | bool] = {
    "effects": "typical",
    "design": "within",
    "unpaired": False,
}


def fill_defaults(options: Mapping[str, Any], of_protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, with those of a protocol, or else the defaults, for what is None."""
    given = {key: value for key, value in options.items() if value is not None}
    filled = {**options, **COMMON_DEFAULTS, **of_protocol, **given}
    if filled["task"] == RATES_TASK:
        return {**filled, **{key: filled[key] or value for key, value in RATE_DEFAULTS.items()}}
    return {**filled, **{key: options[key] for key in RATE_DEFAULTS}}


def build_scenario(options: Mapping[str, Any]) -> PowerScenario | JudgedScenario:
    """Build the scenario from the options and defaults; None: neither.

    Raises UsageError if they contradict each other, or do not apply to the task.
    """
    task = options["task"]
    for name, value in options.items():
        option = name.replace("_", "-")
        if value is not None and name not in (*COMMON_OPTIONS, *TASK_OPTIONS[task]):
            raise click.UsageError(f"--{option} does not apply to --task {task}; omit it")
        if isinstance(value, float) and not isfinite(value):
            raise click.UsageError(f"--{option} is {value}; give a finite number")
    builders: dict[str, Callable[[Mapping[str, Any]], PowerScenario | JudgedScenario]] = {
        RATES_TASK: _build_rate_scenario,
        PREFERENCE_TASK: _build_preference_scenario,
        RATING_TASK: _build_rating_scenario,
    }
    scenario = builders[task](options)
    if scenario.trials > scenario.images:
        raise click.UsageError(
            f"--trials {scenario.trials} exceeds --images {scenario.images}, but no participant "
            "sees a photograph twice; lower --trials"
        )
    if scenario.images < scenario.fewest_images:
        raise click.UsageError(
            f"--images {scenario.images} is too few for {scenario.methods} methods that share no "
            f"photographs; give at least {scenario.fewest_images}"
        )
    if scenario.trials < scenario.fewest_trials:
        raise click.UsageError(
            f"--trials {scenario.trials} is too few to show {scenario.methods} methods to each "
            "participant; raise it"
        )
    return scenario


def _build_rate_scenario(options: Mapping[str, Any]) -> PowerScenario:
    rate, margin, difference = options["rate"], options["margin"], options["difference"] or 0.0
    if rate is None:
        raise click.UsageError("use --rate to name the fooling rate of one method")
    if not (margin or difference):
        raise click.UsageError(
            "use --difference to detect a difference, or --margin to show equivalence"
        )
    if not 0 < rate - difference < 1:
        raise click.UsageError(
            f"--rate {rate:g} minus --difference {difference:g} is not between 0 and 1"
        )
    if margin is not None and abs(difference) >= margin:
        raise click.UsageError(
            f"--difference {difference:g} must be smaller than --margin {margin}"
        )
    name = options["effects"]
    effects = EFFECT_PRESETS.get(name) or read_pilot_effects(Path(name))
    correlations = {key: options[key] for key in CORRELATIONS if options[key] is not None}
    return PowerScenario(
        (rate, rate - difference),
        replace(effects, **correlations, **_given_sds(options)),
        options["trials"],
        options["images"],
        options["methods"],
        options["design"] == "within",
        margin,
        not options["unpaired"],
    )


def _build_preference_scenario(options: Mapping[str, Any]) -> PreferenceScenario:
    if options["rate"] in (None, 0.5):
        raise click.UsageError(
            "use --rate to name the share of trials in which one method is preferred to the other, "
            "such as 0.6; 0.5 is no difference"
        )
    return PreferenceScenario(
        win_rate=options["rate"],
        sds=replace(PREFERENCE_SDS, **_given_sds(options)),
        trials=options["trials"],
        images=options["images"],
        methods=options["methods"],
    )


def _build_rating_scenario(options: Mapping[str, Any]) -> RatingScenario:
    if not options["difference"]:
        raise click.UsageError(
            "use --difference to name the difference between two mean scores, in points of the "
            "scale"
        )
    return RatingScenario(
        difference=options["difference"],
        sds=replace(RATING_SDS, **_given_sds(options)),
        trials=options["trials"],
        images=options["images"],
        methods=options["methods"],
    )


def _given_sds(options: Mapping[str, Any]) -> dict[str, float]:
    return {name: options[f"sd_{name}"] for name in SDS if options[f"sd_{name}"] is not None}


def read_pilot_effects(path: Path) -> EffectSds:
    """Read the mixed models' standard deviations and correlations from a report.json.

    They are averaged over the methods and the pairs of methods; a correlation that no pair has is
    the usual one. Raises UsageError if it contains no standard deviations.
    """
    try:
        report = json.loads(path.read_text("utf-8"))
        methods = report["methods"].values()
        correlations = _average_correlations(report.get("differences", ()))
        models = [method["mixed"] for method in methods if method.get("mixed")]
        participant, image = (
            [float(model[key]) for model in models] for key in ("sd_participant", "sd_image")
        )
    except OSError as error:
        preset_names = ", ".join(EFFECT_PRESETS)
        raise click.UsageError(
            f"--effects {path}: {error.strerror}; use {preset_names}, or a pilot's report.json"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise click.UsageError(f"{path}: not a report.json; create the report again") from error
    if not models:
        raise click.UsageError(f"{path}: contains no mixed model; create the report with --mixed")
    return EffectSds(fmean(participant), fmean(image), **correlations)


def _average_correlations(differences: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Average the correlations of the pairs' mixed models; a negative average counts as 0."""
    averages = {}
    for key, factor in zip(CORRELATIONS, ("participant", "image"), strict=True):
        models = [pair["mixed"] for pair in differences if pair["mixed"]]
        values = [one[f"correlation_{factor}"] for one in models]
        known = [float(value) for value in values if value is not None]
        if known:
            averages[key] = min(max(fmean(known), 0.0), 1.0)
    return averages
