"""Rates and differences under other exclusion rules."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from analysis.inference.contrasts import Difference, adjust_holm, compare_all_methods
from analysis.inference.rates import Rate, estimate_rates
from analysis.trials import AnyTrials


class SampleUnderRules(Protocol):
    """A sample from which rules can be left out."""

    @property
    def trials(self) -> AnyTrials:
        """The included trials."""

    @property
    def methods(self) -> Sequence[str]:
        """Every tested method."""

    def trials_under(self, rules: Collection[str]) -> AnyTrials:
        """Return the trials included under these rules; `trials` itself if nothing changes."""

    def leave_one_rule_out(self) -> Iterator[tuple[str, AnyTrials]]:
        """Yield (rule, the trials included without it) for every rule that applies."""


@dataclass(frozen=True)
class MethodEstimates:
    """The rates of all methods and the differences of all pairs, with Holm-corrected p values.

    p_holm: in the order of the differences.
    """

    rates: Mapping[str, Rate]
    differences: Sequence[Difference]
    p_holm: Sequence[float | None]


@dataclass(frozen=True)
class RobustnessEstimates:
    """The estimates under other exclusion rules.

    without_exclusions: from all participants. without_rule: the estimates without each rule that
    applies, by rule.
    """

    without_exclusions: MethodEstimates
    without_rule: Mapping[str, MethodEstimates]


def estimate_methods(trials: AnyTrials, methods: Sequence[str]) -> MethodEstimates:
    """Estimate the rates of all methods and their differences from these trials."""
    rates = estimate_rates(trials, methods)
    differences = compare_all_methods(trials, rates)
    return MethodEstimates(
        rates, differences, adjust_holm([difference.p for difference in differences])
    )


def estimate_under_other_rules(
    sample: SampleUnderRules, estimates: MethodEstimates
) -> RobustnessEstimates:
    """Estimate rates and differences without exclusions, and without each rule.

    estimates: those under all rules, reused if a change of rules does not change the trials.
    """

    def estimate(trials: AnyTrials) -> MethodEstimates:
        return estimates if trials is sample.trials else estimate_methods(trials, sample.methods)

    return RobustnessEstimates(
        estimate(sample.trials_under(())),
        {rule: estimate(trials) for rule, trials in sample.leave_one_rule_out()},
    )
