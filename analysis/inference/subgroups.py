"""Whether some kinds of images fool more than others: folders of photographs as groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.inference.contrasts import Difference, holm, part_difference
from analysis.inference.rates import Rate, fooling_rate
from analysis.trials import Trials

MOST_GROUPS = 20  # more folders than this are no kinds of images
OTHERS = "the others"


@dataclass(frozen=True)
class Subgroup:
    """One method's rate on one folder's images, and how it differs from that on all the others.

    difference: None where only one folder has trials. p_holm: over all methods and groups.
    """

    group: str
    method: str
    rate: Rate
    difference: Difference | None = None
    p_holm: float | None = None


def compare_subgroups(
    trials: Trials, methods: Sequence[str], names: Sequence[str]
) -> list[Subgroup]:
    """Of each method with trials. names: of the images, by code; what precedes the last `/` groups.

    Empty where the images stand in one folder, or in more than 20.
    """
    groups, of_image = np.unique([name.rpartition("/")[0] for name in names], return_inverse=True)
    if not 1 < len(groups) <= MOST_GROUPS:
        return []
    found = []
    for method in methods:
        part = trials.of(method)
        of_trial = of_image[part.image]
        for code in np.unique(of_trial).tolist():
            found.append(_compare(part, of_trial == code, str(groups[code]), method))
    adjusted = holm([one.difference.p if one.difference else None for one in found])
    return [replace(one, p_holm=p) for one, p in zip(found, adjusted, strict=True)]


def _compare(part: Trials, inside: NDArray[np.bool_], group: str, method: str) -> Subgroup:
    here, elsewhere = part.only(inside), part.only(~inside)
    rates = {group: fooling_rate(here), OTHERS: fooling_rate(elsewhere)}
    if inside.all():
        return Subgroup(group, method, rates[group])
    change = part_difference(here, elsewhere, rates, group, OTHERS)
    return Subgroup(group, method, rates[group], change)
