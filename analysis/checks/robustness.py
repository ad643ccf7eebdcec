"""What the rates, and their differences, would be had people been left out by other rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.exclusions.flow import AnalysisSample
from analysis.inference.contrasts import Difference, adjust_holm, compare_all_methods
from analysis.inference.rates import Rate, estimate_rates
from analysis.trials import Trials


@dataclass(frozen=True)
class Judged:
    """Every method's rate and every two methods' difference; p_holm: of these, in their order."""

    rates: Mapping[str, Rate]
    differences: Sequence[Difference]
    p_holm: Sequence[float | None]


@dataclass(frozen=True)
class Otherwise:
    """by_no_rule: with everybody. without: rule -> without that one, of every rule that applies."""

    by_no_rule: Judged
    without: Mapping[str, Judged]


def judge_methods(trials: Trials, methods: Sequence[str]) -> Judged:
    """By these trials."""
    rates = estimate_rates(trials, methods)
    differences = compare_all_methods(trials, rates)
    return Judged(rates, differences, adjust_holm([difference.p for difference in differences]))


def judge_otherwise(counted: AnalysisSample, judged: Judged) -> Otherwise:
    """judged: by all rules; it stands wherever the trials are the same."""

    def anew(trials: Trials) -> Judged:
        return judged if trials is counted.trials else judge_methods(trials, counted.methods)

    return Otherwise(
        anew(counted.trials_under(())),
        {rule: anew(trials) for rule, trials in counted.leave_one_rule_out()},
    )
