"""The number of participants that a comparison of two fooling rates needs."""

from dataclasses import dataclass

from analysis.api.columns import DataError
from analysis.inference.intervals import Interval, t_quantile
from analysis.planning.formulas import (
    EFFECT_PRESETS,
    EffectSds,
    PowerScenario,
    compute_power,
    find_participants_needed,
)
from analysis.results import Result


@dataclass(frozen=True)
class SampleSize(Result):
    """The sample size of a study; None if no number of participants is enough.

    power: with this many participants, at least the one asked for. ci95: the interval of the
    difference that the study can expect.
    """

    difference: float
    participants: int | None = None
    power: float | None = None
    ci95: Interval | None = None


def sample_size(
    rate: float,
    difference: float = 0.0,
    *,
    margin: float | None = None,
    power: float = 0.8,
    trials: int = 40,
    images: int = 200,
    methods: int = 2,
    effects: str | EffectSds = "typical",
    within: bool = True,
) -> SampleSize:
    """Compute how many participants a comparison of two fooling rates needs.

    The test is the report's: for new people and new images, two-sided at 5% after Holm's correction
    for all pairs of methods, or two one-sided tests of equivalence.

    rate: of one method; difference: `rate` minus that of the other. margin: of equivalence. power:
    in (0, 1). trials: per participant, over all methods; images: that they are drawn from. effects:
    how much people and images differ, `none`, `low`, `typical`, `high` or standard deviations.
    within: every participant sees all methods. `python -m analysis.power` prints more.
    Raises DataError.
    """
    scenario = PowerScenario(
        (rate, rate - difference), _find_effects(effects), trials, images, methods, within, margin
    )
    _refuse_contradictions(scenario, power)
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


def _find_effects(effects: str | EffectSds) -> EffectSds:
    if not isinstance(effects, str):
        return effects
    if effects not in EFFECT_PRESETS:
        raise DataError(f"effects is {effects!r}; expected one of {', '.join(EFFECT_PRESETS)}")
    return EFFECT_PRESETS[effects]


def _refuse_contradictions(scenario: PowerScenario, power: float) -> None:
    low, margin = min(scenario.rates), scenario.margin
    problems = (
        (low <= 0 or max(scenario.rates) >= 1, "both rates must lie between 0 and 1"),
        (not 0 < power < 1, f"power is {power}; expected a number between 0 and 1"),
        (
            margin is None and not scenario.difference,
            "difference is 0; give the difference to detect, or a margin to show equivalence",
        ),
        (
            margin is not None and abs(scenario.difference) >= margin,
            f"difference {scenario.difference:g} must be smaller than margin {margin}",
        ),
        (
            scenario.trials > scenario.images,
            f"trials {scenario.trials} exceeds images {scenario.images}, but nobody sees an image "
            "twice",
        ),
        (
            scenario.trials < scenario.fewest_trials,
            f"trials {scenario.trials} is too few for each participant to see {scenario.methods} "
            "methods",
        ),
    )
    for is_broken, message in problems:
        if is_broken:
            raise DataError(message)
