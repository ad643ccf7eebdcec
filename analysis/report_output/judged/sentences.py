"""The findings on judged candidates in sentences. Each is made from the numbers that it states."""

from collections.abc import Iterator, Sequence

from analysis.findings.judged_parts import (
    collect_estimates,
    count_candidates,
    find_chance,
    find_ranked_name,
    find_share_name,
    list_estimate_names,
    list_scales,
)
from analysis.formatting import (
    ReportPart,
    format_count,
    format_number,
    format_p_equation,
    format_percent,
    join_words,
    method_label,
)
from analysis.report_output.judged.numbers import (
    format_both_intervals,
    format_bounds,
    format_value,
    format_with_unit,
    split_of,
)
from analysis.report_output.sentences import SIGNIFICANCE_LEVEL, is_significant
from analysis.report_output.tables import format_pair

MAX_DIFFERENCES = 3  # with more, the differences are in the table only
TIES_TEXTS = {
    "half": "A tie counts as half a win for each.",
    "davidson": (
        "Strengths are those of Davidson’s model, in which a tie is an outcome of its own. Its "
        "scale is wider than that of Bradley–Terry strengths; do not compare the two."
    ),
}


def list_findings(report: ReportPart) -> list[str]:
    """Return one sentence per method, and per scale of ratings, the best method first."""
    share_name = find_share_name(report)
    if share_name is not None:
        ranked = collect_estimates(report, find_ranked_name(report) or share_name)
        return [_format_share_sentence(method, share_name, report) for method in ranked]
    if list_scales(report):
        return [
            _format_score_sentence(method, scale, one, report)
            for scale in list_scales(report)
            for method, one in collect_estimates(report, "mean_opinion", scale).items()
        ]
    return [
        _format_plain_sentence(method, name, one)
        for name, _ in list_estimate_names(report)
        for method, one in collect_estimates(report, name).items()
    ]


def _format_plain_sentence(method: str, name: str, one: ReportPart) -> str:
    value = format_with_unit(name, one["value"])
    interval = f" ({format_both_intervals(name, one)})" if one["ci95"] else ""
    return f"{method_label(method)}: {name.replace('_', ' ')} {value}{interval}."


def _format_share_sentence(method: str, share_name: str, report: ReportPart) -> str:
    entry = report["methods"][method]
    share, rank_set = entry[share_name], entry["rank_set"]
    won = "was preferred in" if share_name == "win_rate" else "was the best in"
    of = "its comparisons" if share_name == "win_rate" else "the trials that showed it"
    printed = format_with_unit(share_name, share["value"])
    last = len(report["methods"])
    return (
        f"{method_label(method)} {won} {printed} of {of} "
        f"({format_both_intervals(share_name, share)}). "
        f"{_format_possible_ranks(rank_set, last)}"
        f"{_format_weaker(method, report)}"
    )


def _format_possible_ranks(rank_set: Sequence[int], last: int) -> str:
    best, worst = rank_set
    if best == worst:
        return f"Its rank is {best} of {last}."
    if (best, worst) == (1, last):
        return f"It may have any of the {last} ranks."
    return f"It may rank {best} {'or' if worst == best + 1 else 'to'} {worst} of {last}."


def _format_weaker(method: str, report: ReportPart) -> str:
    """Name the methods that a method is significantly ahead of."""
    ranked_name = find_ranked_name(report)
    weaker = [
        method_label(pair["b"] if pair["a"] == method else pair["a"])
        for pair in report["differences"]
        if pair["of"] == ranked_name and _is_ahead(method, pair)
    ]
    return f" It is significantly ahead of {join_words(weaker)}." if weaker else ""


def _is_ahead(method: str, pair: ReportPart) -> bool:
    if method not in (pair["a"], pair["b"]) or pair["p_holm"] is None:
        return False
    sign = 1 if pair["a"] == method else -1
    return bool(pair["p_holm"] < SIGNIFICANCE_LEVEL and sign * pair["difference"] > 0)


def _format_score_sentence(method: str, scale: str, one: ReportPart, report: ReportPart) -> str:
    sentence = (
        f"{method_label(method)} has a mean opinion score of {format_number(one['value'], 2)}"
        f" for {scale.replace('_', ' ')}"
    )
    if one["ci95"] is None:
        return f"{sentence}, without an interval."
    sentence += f" ({format_both_intervals('mean_opinion', one)})"
    dmos = report["methods"][method].get("dmos", {}).get(scale)
    if dmos is None:
        return f"{sentence}."
    below = "below" if dmos["value"] < 0 else "above"
    if dmos["ci95"] is None:
        return f"{sentence}, {format_number(abs(dmos['value']), 2)} {below} the original."
    return (
        f"{sentence}, {format_number(abs(dmos['value']), 2)} {below} the original (difference "
        f"{format_number(dmos['value'], 2)}, {format_both_intervals('dmos', dmos)})."
    )


def list_difference_sentences(report: ReportPart) -> list[str]:
    """Return one sentence per difference, if there are few; those by which methods are ranked."""
    ranked_name = find_ranked_name(report)
    pairs = [
        pair for pair in report["differences"] if ranked_name is None or pair["of"] == ranked_name
    ]
    return [_format_difference(pair) for pair in pairs] if len(pairs) <= MAX_DIFFERENCES else []


def _format_difference(pair: ReportPart) -> str:
    name, scale = split_of(pair["of"])
    what = {"strength": "strength", "mean_opinion": "mean opinion score"}.get(name, "share of wins")
    of = f"{what} ({scale.replace('_', ' ')})" if scale else what
    size = f"{format_pair(pair)} is {format_value(name, pair['difference'])}"
    unit = " points" if what == "share of wins" else ""
    if pair["ci95"] is None:
        return f"The difference in {of} {size}{unit}; it cannot be tested."
    interval = f"95% CI {format_bounds(name, pair['ci95'])}"
    tested = "" if pair["p_holm"] is None else f"; {format_p_equation(pair['p_holm'])}"
    verdict = "significant" if is_significant(pair) else "not significant"
    return f"The difference in {of} {size}{unit} ({interval}{tested}): {verdict}."


def list_ranking_sentences(report: ReportPart) -> list[str]:
    """Return what the rank sets say, whether one ranking fits, and how ties count."""
    return [
        *_format_rank_verdict(report),
        *_format_unconnected(report),
        *_format_fit(report),
        *_format_ties(report),
    ]


def _format_rank_verdict(report: ReportPart) -> Iterator[str]:
    """Say that the data cannot rank the methods, or which ranks they leave open."""
    entries = report["methods"]
    sets = {method: entry["rank_set"] for method, entry in entries.items() if "rank_set" in entry}
    if len(sets) < 2:
        return
    flow = report["exclusions"]["flow"][-1]
    people = format_count(flow["participants"], "participant", "participants")
    images = format_count(report["input"]["images"], "image", "images")
    last = len(sets)
    if all(tuple(ranks) == (1, last) for ranks in sets.values()):
        yield (
            f"{people} and {images} cannot rank these methods: each may have any of the {last} "
            "ranks."
        )
        return
    certain = [method_label(method) for method, (low, high) in sets.items() if low == high]
    if len(certain) == last:
        yield "All ranks are determined, for new participants and new images."
        return
    fixed = f" Only {join_words(certain)} has a single possible rank." if len(certain) == 1 else ""
    yield (
        f"{people} and {images} determine the ranks in part: methods whose ranks overlap cannot be "
        f"ordered by these data.{fixed}"
    )


def _format_unconnected(report: ReportPart) -> Iterator[str]:
    """Say which methods won or lost everything, so that strengths have no finite estimate."""
    group = report["unconnected"]
    if not group:
        return
    names, many = join_words([method_label(one) for one in group]), len(group) > 1
    crossing = [pair for pair in report["pairs"] if (pair["a"] in group) != (pair["b"] in group)]
    rates = [pair["win_rate"] if pair["a"] in group else 1 - pair["win_rate"] for pair in crossing]
    if not crossing:
        what = f"{names} {'were' if many else 'was'} never compared with the other methods"
    elif max(rates) == 0:
        what = f"{names} never won against the other methods"
    elif min(rates) == 1:
        what = f"{names} never lost against the other methods"
    else:
        what = f"{names} cannot be connected with the other methods by wins and losses"
    strength = "their strengths have" if many else "its strength has"
    yield (
        f"The methods are not connected: {what}, so {strength} no finite estimate. The report gives"
        " no strengths, and the ranks come from the shares of wins."
    )


def _format_fit(report: ReportPart) -> Iterator[str]:
    """Say whether any pair contradicts the ranking, if at least three methods were compared."""
    tested = [pair for pair in report["pairs"] if pair["fit"] and pair["fit"]["p_holm"] is not None]
    if not tested:
        return
    worst = min(tested, key=lambda pair: (pair["fit"]["p_holm"], -abs(pair["fit"]["residual"])))
    fit, names = worst["fit"], f"{method_label(worst['a'])} over {method_label(worst['b'])}"
    rates = (
        f"the win rate of {names} is {format_percent(worst['win_rate'])}%, and the strengths imply "
        f"{format_percent(fit['implied'])}% (Holm-adjusted {format_p_equation(fit['p_holm'])})"
    )
    if fit["p_holm"] < SIGNIFICANCE_LEVEL:
        yield (
            f"No single ranking fits all pairs (preferences are intransitive): {rates}. Read the "
            "win rates of the pairs rather than the strengths."
        )
    else:
        yield f"No pair contradicts a single ranking. At the largest deviation, {rates}."


def _format_ties(report: ReportPart) -> Iterator[str]:
    ties = sum(pair["ties"] for pair in report["pairs"])
    if not report["ties"] or not ties or find_share_name(report) != "win_rate":
        return
    trials = sum(pair["trials"] for pair in report["pairs"])
    share = format_percent(ties / trials)
    yield f"{share}% of comparisons were ties. {TIES_TEXTS[report['ties']['model']]}"


def format_chance_sentence(report: ReportPart) -> str:
    """Say which share every method would have if all were alike; empty if that varies."""
    chance, candidates = find_chance(report), count_candidates(report)
    if chance is None or candidates is None:
        return ""
    share = format_percent(chance, 0)
    return f"If all methods were equally good, each would win {share}% of the trials that show it."
