"""Make the expected values again that statsmodels, scipy and enumeration give.

`python tests/reference/make_expected.py` writes the files that README.md lists into `stats/`. It
needs statsmodels, which the project itself does not: `pip install statsmodels==0.15.0`. It imports
nothing of the project, so that the values stay independent of it.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import statsmodels
from numpy.typing import NDArray
from scipy import integrate, optimize, special, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.sandwich_covariance import cov_cluster

FOLDER = Path(__file__).with_name("stats")
VERSIONS = {
    "statsmodels": statsmodels.__version__,
    "scipy": scipy.__version__,
    "numpy": np.__version__,
}
CHECK = "attention"  # the kind of row
FAILED_CHECKS = "attention_checks"  # the reason, and the prefix of its rules
METHODS = ("l2", "mcl", "zhang2016")
PAIRS = (("l2", "mcl"), ("l2", "zhang2016"), ("mcl", "zhang2016"))

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def main() -> None:
    """Write every file."""
    made: dict[str, Callable[[], Any]] = {
        "proportions": expect_proportions,
        "holm": expect_holm,
        "crossed": expect_crossed,
        "sequences": expect_sequences,
        "tiny": expect_tiny,
        "exclusions": expect_exclusions,
        "marginal_rates": expect_marginal_rates,
    }
    for name, make in made.items():
        text = json.dumps(make(), indent=1)
        (FOLDER / f"{name}_expected.json").write_text(text + "\n", encoding="utf-8")


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Proportions


def expect_proportions() -> dict[str, Any]:
    """Intervals of every row of proportions.csv at three levels."""
    cases = [
        {"k": k, "n": n, "alpha": alpha}
        | {
            name: [float(bound) for bound in proportion_confint(k, n, alpha, method)]
            for name, method in (("wilson", "wilson"), ("clopper_pearson", "beta"))
        }
        for k, n in ((int(row["fooled"]), int(row["trials"])) for row in read("proportions.csv"))
        for alpha in (0.1, 0.05, 0.01)
    ]
    return {"versions": VERSIONS, "cases": cases}


# Corrections for multiple comparisons


def expect_holm() -> dict[str, Any]:
    """Holm's correction of p-values with ties, of 0 and 1, and of a single one."""
    sets = [
        [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269,
         0.275, 0.34, 0.341, 0.384, 0.569, 0.594, 0.696, 0.762, 0.94, 0.942, 0.975, 0.986],
        [0.01, 0.04, 0.03],
        [0.5, 0.5, 0.5],
        [0.0, 1.0],
        [0.05],
    ]  # fmt: skip
    adjusted = [multipletests(p, method="holm")[1].tolist() for p in sets]
    return {
        "versions": VERSIONS,
        "sets": [{"p": p, "holm": holm} for p, holm in zip(sets, adjusted, strict=True)],
    }


# The crossed study: 40 participants, 200 images, three methods


class Crossed:
    """The columns of crossed_responses.csv, one element per trial."""

    def __init__(self) -> None:
        rows = read("crossed_responses.csv")
        self.fooled = np.array([row["truth"] != row["answer"] for row in rows], dtype=float)
        self.method = np.array([row["method"] for row in rows])
        self.fake_left = np.array([row["truth"] == "left" for row in rows])
        self.said_left = np.array([row["answer"] == "left" for row in rows])
        self.images = [row["image"] for row in rows]
        self.participant = encode([row["participant"] for row in rows])
        self.image = encode(self.images)

    def clusters(self, keep: NDArray[np.bool_]) -> tuple[Codes, Codes, Codes]:
        """Participants, images and their combinations of the trials to keep."""
        participant, image = self.participant[keep], self.image[keep]
        return participant, image, encode(list(zip(participant, image, strict=True)))


def encode(labels: Sequence[object]) -> Codes:
    codes = {label: code for code, label in enumerate(dict.fromkeys(labels))}
    return np.array([codes[label] for label in labels], dtype=np.int64)


def expect_crossed() -> dict[str, Any]:
    study = Crossed()
    differences = {f"{a}-{b}": expect_difference(study, a, b) for a, b in PAIRS}
    holm = multipletests([one["p"] for one in differences.values()], method="holm")[1]
    for one, adjusted in zip(differences.values(), holm, strict=True):
        one["p_holm"] = float(adjusted)
    return {
        "versions": VERSIONS,
        "rates": {method: expect_rate(study, method) for method in METHODS},
        "differences": differences,
        "detection": expect_detection(study),
        "d_prime_of_rate": {
            str(rate): float(np.sqrt(2) * stats.norm.ppf(1 - rate))
            for rate in (0.226, 0.301, 0.323, 0.45, 0.5)
        },
        "shrunken_mcl": expect_shrunken_rates(study, "mcl"),
        "icc_mcl": expect_icc(study, "mcl"),
    }


def clustered_variance(model: OLS, groups: Codes, coefficient: int) -> float:
    """A coefficient's variance, clustered by one factor, with the correction G / (G - 1)."""
    count = len(np.unique(groups))
    covariance = cov_cluster(model.fit(), groups, use_correction=False)
    return float(covariance[coefficient, coefficient]) * count / (count - 1)


def two_way_variance(model: OLS, clusters: tuple[Codes, Codes, Codes], coefficient: int) -> float:
    """Participants plus images less their combinations (Cameron, Gelbach & Miller, 2011)."""
    participant, image, both = (clustered_variance(model, g, coefficient) for g in clusters)
    return participant + image - both


def expect_rate(study: Crossed, method: str) -> dict[str, Any]:
    keep = study.method == method
    fooled, clusters = study.fooled[keep], study.clusters(keep)
    k, n, rate = int(fooled.sum()), len(fooled), float(fooled.mean())
    model = OLS(fooled, np.ones(n))
    variance = two_way_variance(model, clusters, 0)
    n_eff = rate * (1 - rate) / variance
    df = min(len(np.unique(groups)) for groups in clusters[:2]) - 1
    return {
        "fooled": k,
        "trials": n,
        "participants": len(np.unique(clusters[0])),
        "images": len(np.unique(clusters[1])),
        "rate": rate,
        "wilson95": [float(bound) for bound in proportion_confint(k, n, 0.05, "wilson")],
        "se": variance**0.5,
        "df": df,
        "deff": n / n_eff,
        "n_eff": n_eff,
        "ci95": wilson(rate, n_eff, float(stats.t.ppf(0.975, df))),
        "participant_se": clustered_variance(model, clusters[0], 0) ** 0.5,
    }


def wilson(rate: float, trials: float, quantile: float) -> list[float]:
    """Wilson's interval for an effective number of trials and any quantile."""
    square = quantile**2 / trials
    middle = (rate + square / 2) / (1 + square)
    half = quantile * np.sqrt(rate * (1 - rate) / trials + square / 4 / trials) / (1 + square)
    return [float(middle - half), float(middle + half)]


def contrast_variance(fooled: Floats, is_a: NDArray[np.bool_], groups: Codes) -> float:
    """A difference's variance, with the correction G / (G - 1) of either method's clusters."""
    totals: dict[int, float] = {}
    for chosen, sign in ((is_a, 1), (~is_a, -1)):
        count, n = len(set(groups[chosen].tolist())), int(chosen.sum())
        factor = sign * (count / (count - 1)) ** 0.5 / n
        for group, value in zip(groups[chosen].tolist(), fooled[chosen].tolist(), strict=True):
            part = factor * (value - float(fooled[chosen].mean()))
            totals[group] = totals.get(group, 0.0) + part
    return sum(total**2 for total in totals.values())


def expect_difference(study: Crossed, a: str, b: str) -> dict[str, Any]:
    """a - b, from a regression on the indicators of both methods."""
    keep = np.isin(study.method, (a, b))
    fooled, clusters = study.fooled[keep], study.clusters(keep)
    is_a = (study.method[keep] == a).astype(float)
    model = OLS(fooled, np.column_stack([np.ones(len(fooled)), is_a]))
    difference = float(model.fit().params[1])
    one_way = [contrast_variance(fooled, is_a == 1, groups) for groups in clusters[:2]]
    se = max(sum(one_way) - clustered_variance(model, clusters[2], 1), *one_way) ** 0.5
    assert np.isclose(  # of statsmodels, which corrects for the clusters of both methods together
        se, max(two_way_variance(model, clusters, 1), *one_way) ** 0.5, rtol=1e-3
    )
    df = (
        min(
            len(np.unique(groups[study.method[keep] == method]))
            for groups in clusters[:2]
            for method in (a, b)
        )
        - 1
    )
    half = float(stats.t.ppf(0.975, df)) * se
    return {
        "difference": difference,
        "se": se,
        "df": df,
        "ci95": [difference - half, difference + half],
        "t": difference / se,
        "p": float(2 * stats.t.sf(abs(difference) / se, df)),
        "equivalence_p": {
            str(margin): float(stats.t.sf((margin - abs(difference)) / se, df))
            for margin in (0.05, 0.1)
        },
    }


def expect_detection(study: Crossed) -> dict[str, float]:
    """d' and criterion of all pairs: a hit says left where the fake was on the left."""
    hit = float(study.said_left[study.fake_left].mean())
    false_alarm = float(study.said_left[~study.fake_left].mean())
    z_hit, z_alarm = stats.norm.ppf(hit), stats.norm.ppf(false_alarm)
    return {
        "d_prime": float((z_hit - z_alarm) / np.sqrt(2)),
        "criterion": float(-(z_hit + z_alarm) / 2),
        "said_left": float(study.said_left.mean()),
    }


def expect_shrunken_rates(study: Crossed, method: str) -> dict[str, Any]:
    """A beta-binomial model of the images by maximum likelihood; posterior means."""
    keep = study.method == method
    names = sorted({image for image, kept in zip(study.images, keep, strict=True) if kept})
    place = {name: at for at, name in enumerate(names)}
    at = np.array([place[name] for name, kept in zip(study.images, keep, strict=True) if kept])
    n = np.bincount(at)
    k = np.bincount(at, weights=study.fooled[keep]).round().astype(int)

    def minus_log_likelihood(logs: Floats) -> float:
        return -float(np.sum(stats.betabinom.logpmf(k, n, *np.exp(logs))))

    found = optimize.minimize(
        minus_log_likelihood, [0.0, 1.0], method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 10_000},
    )  # fmt: skip
    alpha, beta = (float(shape) for shape in np.exp(found.x))
    shrunken = (k + alpha) / (n + alpha + beta)
    return {
        "alpha": alpha,
        "beta": beta,
        "icc": 1 / (alpha + beta + 1),
        "rates": {name: float(rate) for name, rate in zip(names, shrunken, strict=True)},
    }


def expect_icc(study: Crossed, method: str) -> dict[str, float]:
    """One-way ANOVA estimates of the intraclass correlation, on the scale of the answers."""
    keep = study.method == method
    return {
        "participant": icc(study.fooled[keep], study.participant[keep]),
        "image": icc(study.fooled[keep], study.image[keep]),
    }


def icc(values: Floats, groups: Codes) -> float:
    split = [values[groups == group] for group in np.unique(groups)]
    sizes = np.array([len(part) for part in split])
    between = sum(len(part) * float(part.mean() - values.mean()) ** 2 for part in split)
    within = sum(float(np.sum((part - part.mean()) ** 2)) for part in split)
    msb, msw = between / (len(split) - 1), within / (len(values) - len(split))
    size = (len(values) - int((sizes**2).sum()) / len(values)) / (len(split) - 1)
    return float((msb - msw) / (msb + (size - 1) * msw))


# A confidence sequence


def expect_sequences() -> dict[str, Any]:
    """The asymptotic sequence of Waudby-Smith et al. (2024), tightest at 50 people."""
    study = Crossed()
    keep = study.method == "mcl"
    people = np.unique(study.participant[keep])
    rates = [float(study.fooled[keep & (study.participant == person)].mean()) for person in people]
    log_alpha = -2 * np.log(0.05)
    rho2 = (log_alpha + np.log(log_alpha + 1)) / 50
    looks = []
    for t in (10, 20, 30, 40):
        mean, sd = np.mean(rates[:t]), np.std(rates[:t], ddof=1)
        spread = t * rho2 + 1
        radius = sd * np.sqrt(2 * spread / (t**2 * rho2) * np.log(np.sqrt(spread) / 0.05))
        looks.append({"people": t, "interval": [float(mean - radius), float(mean + radius)]})
    return {"rates": rates, "looks": looks}


# Exact bootstrap distributions


def expect_tiny() -> dict[str, Any]:
    """Every way to draw three participants, three images, or both, with replacement."""
    rows = read("tiny_trials.csv")
    fooled, shown = np.zeros((3, 3)), np.zeros((3, 3))
    for row in rows:
        cell = int(row["participant_id"][1:]), int(row["image_id"][3:])
        shown[cell] += 1
        fooled[cell] += row["fooled"] == "1"
    draws = [np.bincount(drawn, minlength=3) for drawn in product(range(3), repeat=3)]
    once = [np.ones(3)]
    return {
        "participant": distribution(fooled, shown, draws, once),
        "image": distribution(fooled, shown, once, draws),
        "pigeonhole": distribution(fooled, shown, draws, draws),
    }


def distribution(
    fooled: Floats, shown: Floats, people: Sequence[Any], images: Sequence[Any]
) -> dict[str, Any]:
    """Mean, SD and probabilities of the resampled rate."""
    rates = np.array([(p @ fooled @ i) / (p @ shown @ i) for p in people for i in images])
    times = Counter(f"{rate:.12f}" for rate in rates)
    return {
        "mean": float(rates.mean()),
        "sd": float(rates.std()),
        "support": {rate: times[rate] / len(rates) for rate in sorted(times)},
    }


# Exclusions


def expect_exclusions() -> dict[str, Any]:
    """Plain loops over exclusions_responses.csv with the rules of exclusions_plan.json."""
    rules = json.loads((FOLDER / "exclusions_plan.json").read_text(encoding="utf-8"))["exclusions"]
    rows = read("exclusions_responses.csv")
    people: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        people.setdefault(row["participant"], []).append(row)
    measures = {person: measure(answers, rules) for person, answers in people.items()}
    left_in = {person for person, one in measures.items() if not one["reasons"]}
    tests = [row for row in rows if row["kind"] == "test"]
    by_people = [row for row in tests if row["participant"] in left_in]
    by_trials = [
        row for row in by_people if rules["fast_ms"] <= int(row["rt_ms"]) <= rules["slow_ms"]
    ]
    return {
        "participants": measures,
        "rates_of_everybody": tally(tests),
        "rates_after_participant_rules": tally(by_people),
        "rates_after_all_rules": tally(by_trials),
    }


def measure(answers: list[dict[str, str]], rules: dict[str, float]) -> dict[str, Any]:
    """One participant's measures, and the reasons to exclude them."""
    n = len(answers)
    checks = [row for row in answers if row["kind"] == CHECK]
    correct = sum(row["truth"] == row["answer"] for row in checks)
    sides = [row["answer"] for row in sorted(answers, key=lambda row: int(row["position"]))]
    fast = sum(int(row["rt_ms"]) < rules["fast_ms"] for row in answers) / n
    left = sides.count("left") / n
    alternation = sum(a != b for a, b in pairwise(sides)) / (n - 1)
    reasons = []
    if n / rules["planned_trials"] < rules["min_completed_fraction"]:
        reasons = ["incomplete"]  # nothing else is judged
    else:
        if correct < rules[f"{FAILED_CHECKS}_min_correct"]:
            reasons.append(FAILED_CHECKS)
        if fast > rules["max_fast_fraction"]:
            reasons.append("too_fast")
        if max(left, 1 - left) > rules["side_max_fraction"]:
            reasons.append("side_bias")
        if alternation > rules["alternation_max_fraction"]:
            reasons.append("alternation")
    return {
        "answers": n,
        "checks_correct": correct,
        "fast_fraction": fast,
        "left_fraction": left,
        "alternation": alternation,
        "reasons": reasons,
    }


def tally(rows: list[dict[str, str]]) -> dict[str, list[int]]:
    """Trials fooled and trials shown, by method."""
    return {
        method: [
            sum(row["truth"] != row["answer"] for row in rows if row["method"] == method),
            sum(row["method"] == method for row in rows),
        ]
        for method in sorted({row["method"] for row in rows})
    }


# Marginal rates


def expect_marginal_rates() -> list[dict[str, float]]:
    """The mean of the logistic function over a normal distribution of log odds, by quadrature."""
    return [
        {"log_odds": mean, "sd": sd, "rate": marginal_rate(mean, sd)}
        for mean, sd in ((-1.2, 0.943398), (-1.0, 0.5), (0.0, 1.0), (-2.0, 1.4))
    ]


def marginal_rate(mean: float, sd: float) -> float:
    rate, _ = integrate.quad(
        lambda z: special.expit(mean + sd * z) * stats.norm.pdf(z), -12, 12, epsabs=1e-14
    )
    return float(rate)


if __name__ == "__main__":
    main()
