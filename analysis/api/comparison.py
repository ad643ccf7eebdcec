"""The estimates of all methods, their differences and their possible ranks, in one result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.inference.contrasts import adjust_holm
from analysis.inference.estimates import Estimate, EstimateDifference, compare_estimates
from analysis.inference.intervals import Interval
from analysis.inference.joint_estimates import JointEstimates
from analysis.inference.judged.rank_sets import RankSet, find_rank_sets
from analysis.results import render_records


@dataclass(frozen=True)
class MethodComparison:
    """The estimates of all methods, and what they say about the order of the methods.

    estimates: by method. differences: of every two methods, a - b, in alphabetical order. p_holm:
    their p values adjusted by Holm, in this order. rank_sets: the best and the worst rank that each
    method may have; 1 is the highest estimate.
    """

    estimates: Mapping[str, Estimate]
    differences: Sequence[EstimateDifference]
    p_holm: Sequence[float | None]
    rank_sets: Mapping[str, RankSet]

    @property
    def interval(self) -> dict[str, Interval | None]:
        """The 95% interval of each method, for new people and new images."""
        return {method: estimate.ci95 for method, estimate in self.estimates.items()}

    def _repr_html_(self) -> str:
        """Return a table of the methods and one of their differences, as notebooks show them."""
        columns = ("value", "ci95", "se", "participants", "images", "trials", "flags")
        differences = {f"{one.a} − {one.b}": one for one in self.differences}
        return render_records("Methods", columns, self.estimates) + render_records(
            "Differences", ("difference", "ci95", "se", "t", "df", "p", "flags"), differences
        )


def compare_methods(joint: JointEstimates, estimates: Mapping[str, Estimate]) -> MethodComparison:
    """Compare methods by their joint estimates. estimates: the same ones with their intervals."""
    differences = compare_estimates(joint)
    return MethodComparison(
        estimates,
        differences,
        adjust_holm([one.p for one in differences]),
        find_rank_sets(joint.names, differences),
    )
