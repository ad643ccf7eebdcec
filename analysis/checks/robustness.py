"""What the rates, and their differences, would be had people been left out by other rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.exclusions.flow import AnalysisSample
from analysis.inference.contrasts import Difference, adjust_holm, compare_all_methods
from analysis.inference.rates import Rate, estimate_rates
from analysis.trials import Trials


@dataclass(frozen=True)
class MethodEstimates:
    """Every method's rate and every two methods' difference; p_holm: of these, in their order."""

    rates: Mapping[str, Rate]
    differences: Sequence[Difference]
    p_holm: Sequence[float | None]


@dataclass(frozen=True)
class RobustnessEstimates:
    """without_exclusions: with everybody.

    Without: rule -> without that one, of every rule that applies.
    """

    without_exclusions: MethodEstimates
    without_rule: Mapping[str, MethodEstimates]


def estimate_methods(trials: Trials, methods: Sequence[str]) -> MethodEstimates:
    """By these trials."""
    rates = estimate_rates(trials, methods)
    differences = compare_all_methods(trials, rates)
    return MethodEstimates(
        rates, differences, adjust_holm([difference.p for difference in differences])
    )


def estimate_under_other_rules(
    sample: AnalysisSample, estimates: MethodEstimates
) -> RobustnessEstimates:
    """estimates: by all rules; it stands wherever the trials are the same."""

    def anew(trials: Trials) -> MethodEstimates:
        return estimates if trials is sample.trials else estimate_methods(trials, sample.methods)

    return RobustnessEstimates(
        anew(sample.trials_under(())),
        {rule: anew(trials) for rule, trials in sample.leave_one_rule_out()},
    )
