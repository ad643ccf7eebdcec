"""Stopping: how often a study that looks after every participant ever excludes the true difference.

Our confidence sequences, from which the monitor concludes "stop" or "equal", are compared with the
report's single-look interval (two-way t), viewed just as often, and with the sequence over people
alone, which ignores that other images would give other answers. The studies estimate rates (30% or
5%) and differences between rates, between ratings on five grades, and between preferences. With
four methods, a study errs if it excludes any of the six true differences. Effects are
normal on the log-odds scale or on the rating scale.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, log, sqrt

import numpy as np
from scipy import special

from analysis.inference.sequential import (
    ALPHA,
    FEW_IMAGES,
    MIN_PEOPLE,
    MIN_PEOPLE_FEW_IMAGES,
    MIN_VARIANCE,
    TIGHTEST_AT,
    average_difference,
    average_over_people,
    find_confidence_sequence,
)
from analysis.planning.formulas import EffectSds, marginal_intercept
from analysis.planning.simulated_studies import draw_effects
from analysis.trials import BoolArray, FloatArray, IntArray

STUDIES, LAST_LOOK = 4000, 300
EFFECTS = EffectSds(0.5, 0.8)
PREFERENCE_EFFECTS = EffectSds(sqrt(2) * 0.46, sqrt(2) * 0.5)
RULES = ("sequence (ours)", "people alone", "two-way t, peeking")


@dataclass(frozen=True)
class Answers:
    """Numbers and images (people, trials) of one set of trials, such as one method's."""

    values: FloatArray
    image: IntArray


@dataclass(frozen=True)
class Contrast:
    """A mean (one set of trials) or a paired difference (two), with its true value.

    shape: `rate`, `difference` or `balance` (the share for minus the share against).
    """

    sets: Sequence[Answers]
    truth: float
    shape: str


Simulation = Callable[[np.random.Generator, int], list[Contrast]]


def deal_images(rng: np.random.Generator, images: int, shape: tuple[int, ...]) -> IntArray:
    """Return images (people, ...); no person sees one twice."""
    people, *rest = shape
    all_images = np.tile(np.arange(images), (people, 1))
    return rng.permuted(all_images, axis=1)[:, : int(np.prod(rest))].reshape(shape)


def simulate_rates(
    rng: np.random.Generator, images: int, rates: Sequence[float], trials: int
) -> list[Answers]:
    """Simulate the answers to methods with these rates, `trials` of each per person."""
    methods = len(rates)
    image = deal_images(rng, images, (LAST_LOOK, methods, trials))
    people = draw_effects(rng, LAST_LOOK, methods, EFFECTS.participant, 0.8)
    pictures = draw_effects(rng, images, methods, EFFECTS.image, 0.5)
    base = np.array([marginal_intercept(rate, EFFECTS) for rate in rates])
    method = np.arange(methods)[:, None]
    logit = base[:, None] + people[:, :, None] + pictures[image, method]
    fooled = (rng.random(logit.shape) < special.expit(logit)).astype(np.float64)
    return [Answers(fooled[:, m], image[:, m]) for m in range(methods)]


def simulate_ratings(
    rng: np.random.Generator, images: int, methods: int, trials: int
) -> list[Answers]:
    """Simulate ratings on five grades of methods that are equally good."""
    image = deal_images(rng, images, (LAST_LOOK, methods, trials))
    bias = rng.normal(0, 0.45, (LAST_LOOK, 1, 1))
    people = rng.normal(0, 0.25, (LAST_LOOK, methods, 1))
    pictures = rng.normal(0, 0.5, (images, 1)) + rng.normal(0, 0.35, (images, methods))
    of_image = pictures[image, np.arange(methods)[:, None]]
    latent = 3 + bias + people + of_image + rng.normal(0, 0.75, image.shape)
    grade = np.clip(np.round(latent), 1, 5)
    return [Answers(grade[:, m], image[:, m]) for m in range(methods)]


def simulate_preferences(
    rng: np.random.Generator, images: int, methods: int, trials: int, win_rate: float = 0.5
) -> list[Contrast]:
    """Simulate choices in all pairs of methods, 1 for the first and -1 for the second.

    The first method has this win rate over every other, and the others are equal.
    """
    pairs = np.array([*combinations(range(methods), 2)])
    image = deal_images(rng, images, (LAST_LOOK, len(pairs), trials))
    strengths = np.zeros(methods)
    strengths[0] = marginal_intercept(win_rate, PREFERENCE_EFFECTS)
    people = strengths + rng.normal(0, 0.46, (LAST_LOOK, methods))
    pictures = rng.normal(0, 0.5, (images, methods))
    first, second = pairs.T
    of_image = (pictures[:, first] - pictures[:, second])[image, np.arange(len(pairs))[:, None]]
    advantage = (people[:, first] - people[:, second])[:, :, None] + of_image
    choice = np.where(rng.random(advantage.shape) < special.expit(advantage), 1.0, -1.0)
    return [
        Contrast([Answers(choice[:, j], image[:, j])], (2 * win_rate - 1) * (a == 0), "balance")
        for j, (a, _) in enumerate(pairs.tolist())
    ]


def pair_up(sets: Sequence[Answers], means: Sequence[float]) -> list[Contrast]:
    return [
        Contrast([sets[a], sets[b]], means[a] - means[b], "difference")
        for a, b in combinations(range(len(sets)), 2)
    ]


def rate(share: float) -> Simulation:
    return lambda rng, images: [
        Contrast(simulate_rates(rng, images, (share,), min(40, images)), share, "rate")
    ]


def rate_differences(*rates: float) -> Simulation:
    def simulate(rng: np.random.Generator, images: int) -> list[Contrast]:
        trials = min(40, images) // len(rates)
        return pair_up(simulate_rates(rng, images, rates, trials), rates)

    return simulate


def rating_differences(methods: int) -> Simulation:
    def simulate(rng: np.random.Generator, images: int) -> list[Contrast]:
        trials = min(40, images) // methods
        return pair_up(simulate_ratings(rng, images, methods, trials), [0.0] * methods)

    return simulate


def preferences(methods: int, win_rate: float = 0.5) -> Simulation:
    def simulate(rng: np.random.Generator, images: int) -> list[Contrast]:
        trials = min(40, images) // (methods * (methods - 1) // 2)
        return simulate_preferences(rng, images, methods, trials, win_rate)

    return simulate


FEW, MANY = 20, 200
DESIGNS: dict[str, tuple[Simulation, int]] = {
    "rate of 30%, 40 of 200 images": (rate(0.3), MANY),
    "rate of 30%, all see the same 20": (rate(0.3), FEW),
    "rate of 5%, 40 of 200": (rate(0.05), MANY),
    "30% against 30%, 40 of 200": (rate_differences(0.3, 0.3), MANY),
    "30% against 30%, the same 20": (rate_differences(0.3, 0.3), FEW),
    "30% against 45%, 40 of 200": (rate_differences(0.3, 0.45), MANY),
    "four rates of 30%, 40 of 200": (rate_differences(0.3, 0.3, 0.3, 0.3), MANY),
    "two equal ratings, 40 of 200": (rating_differences(2), MANY),
    "two equal ratings, the same 20": (rating_differences(2), FEW),
    "four equal ratings, 40 of 200": (rating_differences(4), MANY),
    "equal preferences, 40 of 200": (preferences(2), MANY),
    "equal preferences, the same 20": (preferences(2), FEW),
    "preferred in 80%, 40 of 200": (preferences(2, 0.8), MANY),
    "preferred in 95%, 40 of 200": (preferences(2, 0.95), MANY),
    "four equal, 36 choices of 200": (preferences(4), MANY),
}


@dataclass(frozen=True)
class Looks:
    """The estimate of a contrast and its variances after each person (people,), from the second.

    by_people, by_image, by_both: the clustered variances; df: the fewest clusters minus 1.
    """

    people: IntArray
    value: FloatArray
    by_people: FloatArray
    by_image: FloatArray
    by_both: FloatArray
    images: IntArray


def look_after_everybody(contrast: Contrast, images: int) -> Looks:
    """Compute for all looks at once what the monitor computes for one."""
    total_people = len(contrast.sets[0].values)
    n = np.arange(1, total_people + 1)
    differences, of_image, squares = 0.0, 0.0, 0.0
    counts = np.zeros((total_people, images))
    for sign, answers in zip((1, -1), contrast.sets, strict=False):
        k = answers.values.shape[1]
        mean = np.cumsum(answers.values.mean(axis=1)) / n
        sums, shown = (np.zeros((total_people, images)) for _ in range(2))
        np.put_along_axis(sums, answers.image, answers.values, axis=1)
        np.put_along_axis(shown, answers.image, 1.0, axis=1)
        seen = np.cumsum(shown, axis=0)
        totals = np.cumsum(sums, axis=0) - mean[:, None] * seen
        of_image = of_image + sign * totals / (k * n[:, None])
        spread = np.cumsum((answers.values**2).sum(axis=1)) - k * n * mean**2
        squares = squares + spread / (k * n) ** 2
        differences = differences + sign * answers.values.mean(axis=1)
        counts += seen
    value = np.cumsum(differences) / n
    trials = counts.sum(axis=1)
    levels = np.count_nonzero(counts, axis=1)
    later = slice(1, None)
    n, levels, trials = n[later], levels[later], trials[later]
    squared = np.cumsum(np.square(differences))[later] - n * value[later] ** 2
    variance = np.maximum(squared, 0) / (n - 1)  # never below 0 by rounding
    return Looks(
        people=n,
        value=value[later],
        by_people=variance / n,
        by_image=levels / (levels - 1) * np.square(of_image)[later].sum(axis=1),
        by_both=trials / (trials - 1) * np.asarray(squares)[later],
        images=levels,
    )


def half_widths(looks: Looks, alpha: float, with_images: bool) -> FloatArray:
    """Return the half-widths of the confidence sequence, with or without the images' part."""
    part = alpha / 2 if with_images else alpha
    n, level = looks.people, 1 - part / 2
    rho2 = (-2 * log(part) + log(1 - 2 * log(part))) / TIGHTEST_AT
    growth = n * rho2 + 1
    radius = np.sqrt(2 * growth / (n * rho2) * np.log(np.sqrt(growth) / part) * looks.by_people)
    radius = radius * special.stdtrit(n - 1, level) / special.stdtrit(inf, level)
    if not with_images:
        return np.asarray(radius)
    extra = np.maximum(looks.by_image - looks.by_both, 0)
    df = np.minimum(n, looks.images) - 1
    return np.asarray(np.sqrt(radius**2 + special.stdtrit(df, level) ** 2 * extra))


def bounds(looks: Looks, half: FloatArray, shape: str) -> tuple[FloatArray, FloatArray]:
    """Return the intervals, of Wilson's shape for rates and balances."""
    if shape == "difference":
        return looks.value - half, looks.value + half
    share, half = (looks.value, half) if shape == "rate" else ((1 + looks.value) / 2, half / 2)
    spread = np.maximum(share * (1 - share), 1e-12)
    q = half**2 / spread
    center, width = (share + q / 2) / (1 + q), np.sqrt(spread * q + q**2 / 4) / (1 + q)
    low, high = center - width, center + width
    return (low, high) if shape == "rate" else (2 * low - 1, 2 * high - 1)


def single_look_half_widths(looks: Looks, alpha: float) -> FloatArray:
    two_way = looks.by_people + looks.by_image - looks.by_both
    variance = np.maximum(two_way, np.maximum(looks.by_people, looks.by_image))
    df = np.minimum(looks.people, looks.images) - 1
    return np.asarray(special.stdtrit(df, 1 - alpha / 2) * np.sqrt(variance))


def find_misses(
    contrast: Contrast, looks: Looks, counted: BoolArray, alpha: float
) -> tuple[dict[str, bool], float]:
    """Return whether each rule ever excludes the truth, and our last width."""
    ours = bounds(looks, half_widths(looks, alpha, with_images=True), contrast.shape)
    alone = bounds(looks, half_widths(looks, alpha, with_images=False), contrast.shape)
    peeking = bounds(looks, single_look_half_widths(looks, alpha), contrast.shape)
    truth = contrast.truth
    missed = {
        name: bool(((low > truth) | (high < truth))[counted].any())
        for name, (low, high) in zip(RULES, (ours, alone, peeking), strict=True)
    }
    return missed, float(ours[1][-1] - ours[0][-1])


def check_against_monitor(contrast: Contrast, looks: Looks, alpha: float) -> None:
    """Assert that the last look is what the monitor computes."""
    parts = [(answers.values.ravel(), answers.image.ravel()) for answers in contrast.sets]
    values, image = (np.concatenate(one) for one in zip(*parts, strict=True))
    person = [np.repeat(np.arange(len(s.values)), s.values.shape[1]) for s in contrast.sets]
    factors = [np.concatenate(person), image]
    if len(contrast.sets) == 1:
        mean = average_over_people(values, factors)
    else:
        is_first = np.arange(len(values)) < len(parts[0][0])
        paired = average_difference(values, factors, is_first)
        assert paired is not None
        mean = paired
    sequence = find_confidence_sequence(mean, alpha)
    assert sequence is not None
    intervals = {
        "rate": sequence.share_interval,
        "difference": sequence.interval,
        "balance": sequence.balance_interval,
    }
    low, high = bounds(looks, half_widths(looks, alpha, with_images=True), contrast.shape)
    np.testing.assert_allclose(intervals[contrast.shape](), (low[-1], high[-1]), atol=1e-9)


def measure_misses(simulate: Simulation, images: int, studies: int) -> tuple[list[float], float]:
    """Return the share of studies in which each rule ever errs, and our mean last width."""
    first_look = MIN_PEOPLE_FEW_IMAGES if images <= FEW_IMAGES else MIN_PEOPLE
    missed = dict.fromkeys(RULES, 0)
    widths = []
    for number, child in enumerate(np.random.SeedSequence(0).spawn(studies)):
        contrasts = simulate(np.random.default_rng(child), images)
        alpha = ALPHA / len(contrasts)
        errs = dict.fromkeys(RULES, False)
        for contrast in contrasts:
            looks = look_after_everybody(contrast, images)
            if number == 0:
                check_against_monitor(contrast, looks, alpha)
            counted = (looks.people >= first_look) & (looks.by_people > MIN_VARIANCE)
            found, width = find_misses(contrast, looks, counted, alpha)
            errs = {name: errs[name] or found[name] for name in RULES}
            widths.append(width)
        for name in RULES:
            missed[name] += errs[name]
    return [missed[name] / studies for name in RULES], float(np.mean(widths))


def main(studies: int = STUDIES) -> None:
    print(
        f"\n{studies} studies per design, looks after every participant up to {LAST_LOOK}, from "
        f"{MIN_PEOPLE} on\n({MIN_PEOPLE_FEW_IMAGES} with {FEW_IMAGES} images); studies that ever "
        "exclude the truth, and our last mean width\n"
    )
    print(f"{'design':<36}" + "".join(f"{name:>20}" for name in RULES) + f"{'width':>8}")
    for label, (simulate, images) in DESIGNS.items():
        shares, width = measure_misses(simulate, images, studies)
        row = f"{label:<36}" + "".join(f"{share:>20.1%}" for share in shares)
        print(f"{row}{width:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
