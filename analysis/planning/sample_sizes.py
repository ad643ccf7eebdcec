"""The number of participants that a comparison of two methods needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.api.columns import DataError
from analysis.inference.intervals import Interval, t_quantile
from analysis.planning.formulas import EFFECT_PRESETS, EffectSds, PowerScenario
from analysis.planning.judged_scenarios import (
    PREFERENCE_SDS,
    RATING_SDS,
    JudgedScenario,
    JudgedSds,
    PreferenceScenario,
    RatingScenario,
)
from analysis.planning.scenario_power import compute_power, find_participants_needed
from analysis.planning.tasks.planned import PREFERENCE_TASK, RATES_TASK, RATING_TASK
from analysis.results import Result

JUDGED_SDS = {PREFERENCE_TASK: PREFERENCE_SDS, RATING_TASK: RATING_SDS}


@dataclass(frozen=True)
class SampleSize(Result):
    """The sample size of a study; None if no number of participants is enough.

    difference: between two fooling rates, two strengths on the log odds, or two mean opinion
    scores. power: with this many participants, at least the one asked for. ci95: the interval of
    the difference that the study can expect.
    """

    difference: float
    participants: int | None = None
    power: float | None = None
    ci95: Interval | None = None


def sample_size(
    rate: float | None = None,
    difference: float = 0.0,
    *,
    task: str = RATES_TASK,
    margin: float | None = None,
    power: float = 0.8,
    trials: int = 40,
    images: int = 200,
    methods: int = 2,
    effects: str | EffectSds | JudgedSds | None = None,
    within: bool = True,
    paired: bool = True,
) -> SampleSize:
    """Compute how many participants a comparison of two methods needs.

    The test is the report's: for new people and new images, two-sided at 5% after Holm's correction
    for all pairs of methods, or two one-sided tests of equivalence.

    task: the default compares fooling rates: `rate` is that of one method, and `difference` is
    `rate` minus that of the other. `preference` compares strengths: `rate` is the share of trials
    in which one method is preferred to the other. `rating` compares mean opinion scores, which
    differ by `difference` points. margin: of equivalence, for fooling rates. power: in (0, 1).
    trials: per participant, over all methods; images: that they are drawn from. effects: how much
    people and images differ: for fooling rates `none`, `low`, `typical`, `high` or an `EffectSds`,
    for the other tasks a `JudgedSds`; None is typical. within, for fooling rates: every participant
    sees all methods. paired, for fooling rates: every image has a fake of each method; otherwise
    each method has an equal part of the images to itself. `python -m analysis.power` prints more.
    Raises DataError.
    """
    if not 0 < power < 1:
        raise DataError(f"power is {power}; expected a number between 0 and 1")
    study: dict[str, Any] = {"trials": trials, "images": images, "methods": methods}
    scenario: PowerScenario | JudgedScenario
    if task == RATES_TASK:
        sds = _find_effects(effects)
        scenario = _plan_rates(
            rate, difference, study, effects=sds, is_within=within, margin=margin, is_paired=paired
        )
    elif task in JUDGED_SDS:
        _refuse_options_of_rates(task, margin, within, paired)
        judged = _find_judged_sds(task, effects)
        scenario = _plan_judgments(task, rate, difference, study, judged)
    else:
        raise DataError(f"task is {task!r}; expected one of {', '.join((RATES_TASK, *JUDGED_SDS))}")
    _refuse_impossible_counts(scenario)
    return _find_sample_size(scenario, power)


def _find_sample_size(scenario: PowerScenario | JudgedScenario, power: float) -> SampleSize:
    difference = scenario.difference
    participants = find_participants_needed(scenario, power)
    if participants is None:
        return SampleSize(difference)
    df = scenario.degrees_of_freedom(participants)
    half = t_quantile(df) * scenario.difference_se(participants)
    return SampleSize(
        difference,
        participants,
        compute_power(scenario, participants),
        (difference - half, difference + half),
    )


def _find_effects(effects: object) -> EffectSds:
    if effects is None:
        return EFFECT_PRESETS["typical"]
    if isinstance(effects, EffectSds):
        return effects
    if not isinstance(effects, str) or effects not in EFFECT_PRESETS:
        raise DataError(f"effects is {effects!r}; expected one of {', '.join(EFFECT_PRESETS)}")
    return EFFECT_PRESETS[effects]


def _find_judged_sds(task: str, effects: object) -> JudgedSds:
    if effects is None:
        return JUDGED_SDS[task]
    if not isinstance(effects, JudgedSds):
        raise DataError(f"effects is {effects!r}; for the task {task}, give a JudgedSds")
    return effects


def _plan_rates(
    rate: float | None, difference: float, study: Mapping[str, Any], **options: Any
) -> PowerScenario:
    """Return the comparison of two fooling rates. Raises DataError if it contradicts itself."""
    if rate is None:
        raise DataError("rate is missing; give the fooling rate of one method")
    rates, margin = (rate, rate - difference), options["margin"]
    if min(rates) <= 0 or max(rates) >= 1:
        raise DataError("both rates must lie between 0 and 1")
    if margin is None and not difference:
        raise DataError(
            "difference is 0; give the difference to detect, or a margin to show equivalence"
        )
    if margin is not None and abs(difference) >= margin:
        raise DataError(f"difference {difference:g} must be smaller than margin {margin}")
    return PowerScenario(rates, **study, **options)


def _plan_judgments(
    task: str, rate: float | None, difference: float, study: Mapping[str, Any], sds: JudgedSds
) -> JudgedScenario:
    """Return the comparison of two methods by judgments. Raises DataError without a difference."""
    if task == RATING_TASK:
        if rate is not None:
            raise DataError("rate does not apply to the task rating; give difference= alone")
        if not difference:
            raise DataError("difference is 0; give the difference between two mean opinion scores")
        return RatingScenario(difference=difference, sds=sds, **study)
    if difference:
        raise DataError("difference does not apply to the task preference; give the rate alone")
    if rate is None or not 0 < rate < 1 or rate == 0.5:
        raise DataError(
            f"rate is {rate}; give the share of trials in which one method is preferred, between 0 "
            "and 1 but not 0.5"
        )
    return PreferenceScenario(win_rate=rate, sds=sds, **study)


def _refuse_options_of_rates(task: str, margin: float | None, within: bool, paired: bool) -> None:
    given = {"margin": margin is not None, "within": not within, "paired": not paired}
    for name, is_given in given.items():
        if is_given:
            raise DataError(f"{name} does not apply to the task {task}; leave it out")


def _refuse_impossible_counts(scenario: PowerScenario | JudgedScenario) -> None:
    if scenario.methods < 2:
        raise DataError(f"methods is {scenario.methods}; a comparison needs at least two")
    if scenario.trials > scenario.images:
        raise DataError(
            f"trials {scenario.trials} exceeds images {scenario.images}, but nobody sees an image "
            "twice"
        )
    if scenario.images < scenario.fewest_images:
        raise DataError(
            f"images {scenario.images} is too few for {scenario.methods} methods with images of "
            f"their own; give at least {scenario.fewest_images}"
        )
    if scenario.trials < scenario.fewest_trials:
        raise DataError(
            f"trials {scenario.trials} is too few for each participant to see {scenario.methods} "
            "methods"
        )
