"""Rank confidence sets: the ranks that each method may have, said for all methods at once.

A method's best possible rank is one below the methods that are significantly better, and its worst
is one above those that are significantly worse, by Holm-adjusted tests of all differences. Then
all true ranks lie in their sets in at least 95% of studies (Mogstad, Romano, Shaikh & Wilhelm 2024
call them simultaneous confidence sets for ranks).
"""

from collections.abc import Sequence

from analysis.inference.contrasts import Difference, adjust_holm

RankSet = tuple[int, int]  # the best and the worst possible rank; 1 is the best


def find_rank_sets(
    methods: Sequence[str], differences: Sequence[Difference], alpha: float = 0.05
) -> dict[str, RankSet]:
    """Return the rank confidence set of each method.

    differences: of every two methods, a - b, where more is better. Differences without a test
    separate nothing.
    """
    better = dict.fromkeys(methods, 0)
    worse = dict.fromkeys(methods, 0)
    adjusted = adjust_holm([difference.p for difference in differences])
    for difference, p in zip(differences, adjusted, strict=True):
        if p is None or p >= alpha:
            continue
        names = difference.a, difference.b
        winner, loser = names if difference.difference > 0 else names[::-1]
        worse[winner] += 1
        better[loser] += 1
    return {method: (1 + better[method], len(methods) - worse[method]) for method in methods}
