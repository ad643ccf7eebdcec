"""The share of correct answers as a function of exposure, and the exposure that reaches 75%.

For pairs, where guessing is right half the time. The curve is p = 1/2 + (1/2 - lapse) expit(c + bx)
with x = log2(exposure / 500 ms): the share over people and images, not that of a median person. Its
threshold's interval comes from inverting the test that the curve passes 75% there (Fieller 1954),
with the two-way clustered variance of `estimates`. Beside it stands a threshold without a shape:
monotone shares (pooled adjacent violators, Ayer et al. 1955), joined linearly in log time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log2, sqrt

import numpy as np
from scipy import optimize, special

from analysis.inference.intervals import Interval, t_quantile
from analysis.inference.joint_estimates import JointEstimates
from analysis.results import Result
from analysis.trials import BoolArray, Codes, FloatArray

THRESHOLD_RATE = 0.75
CHANCE = 0.5
DEFAULT_LAPSE = 0.02  # the share of wrong answers that no exposure prevents
REFERENCE_MS = 500
MAX_STEPS = 100
TOLERANCE = 1e-10
MAX_SLOPE = 50.0  # steeper curves, which a few perfect answers allow, are steps
GRID = 2001  # points of the shape-free inversion


@dataclass(frozen=True)
class TimedTrials:
    """Answered pairs, one entry each, with the exposure of their images.

    correct (n,): the answer was right; exposure_ms (n,); participant, image (n,): codes from 0.
    """

    correct: BoolArray
    exposure_ms: FloatArray
    participant: Codes
    image: Codes


@dataclass(frozen=True)
class ExposureCurve:
    """A fitted curve. intercept, slope: c and b, the slope per doubling of the exposure.

    joint: both with the influence of each trial, in this order.
    """

    intercept: float
    slope: float
    lapse: float
    joint: JointEstimates


@dataclass(frozen=True)
class Threshold(Result):
    """The exposure in ms at which 75% of answers are correct; None if the data do not say.

    ci95: for new people and new images; an end of None lies outside the exposures of the study.
    flags: `no_rise` (correct answers do not rise with the exposure beyond chance), `no_curve` (no
    curve of finite slope fits them), `not_bracketed` (the share of correct answers is not below 75%
    at the shortest exposure and above it at the longest), `one_participant`, `one_image`.
    """

    ms: float | None = None
    ci95: tuple[float | None, float | None] | None = None
    df: int | None = None
    flags: tuple[str, ...] = ()


def share_correct(
    exposure_ms: FloatArray, intercept: float, slope: float, lapse: float
) -> FloatArray:
    """Return the share of correct answers that a curve expects at each exposure."""
    u = special.expit(intercept + slope * np.log2(exposure_ms / REFERENCE_MS))
    share: FloatArray = CHANCE + (CHANCE - lapse) * u
    return share


def fit_exposure_curve(trials: TimedTrials, lapse: float = DEFAULT_LAPSE) -> ExposureCurve | None:
    """Fit the curve by maximum likelihood; None if no finite curve fits.

    lapse: in [0, 0.25), fixed.
    """
    x = np.log2(trials.exposure_ms / REFERENCE_MS)
    design = np.column_stack([np.ones_like(x), x])
    coefficients = np.array([0.0, 1.0])
    for _ in range(MAX_STEPS):
        score, information = _score_and_information(coefficients, design, trials.correct, lapse)
        if np.linalg.cond(information) > 1e12 or abs(coefficients[1]) > MAX_SLOPE:
            return None
        step = np.linalg.solve(information, score.sum(axis=0))
        coefficients = coefficients + step * min(1.0, 1 / max(float(abs(step).max()), TOLERANCE))
        if float(abs(step).max()) < TOLERANCE:
            break
    score, information = _score_and_information(coefficients, design, trials.correct, lapse)
    joint = JointEstimates(
        names=("intercept", "slope"),
        values=coefficients,
        influence=score @ np.linalg.inv(information),
        shown=np.ones((len(x), 2), dtype=np.bool_),
        participant=trials.participant,
        image=trials.image,
    )
    return ExposureCurve(float(coefficients[0]), float(coefficients[1]), lapse, joint)


def _score_and_information(
    coefficients: FloatArray, design: FloatArray, correct: BoolArray, lapse: float
) -> tuple[FloatArray, FloatArray]:
    """Return the score (n, 2) of each trial and the expected information (2, 2)."""
    u = special.expit(design @ coefficients)
    p = CHANCE + (CHANCE - lapse) * u
    derivative, variance = (CHANCE - lapse) * u * (1 - u), p * (1 - p)
    score = ((correct - p) / variance * derivative)[:, None] * design
    information = (design * (derivative**2 / variance)[:, None]).T @ design
    return score, information


def find_threshold(curve: ExposureCurve | None, exposures_ms: Sequence[float]) -> Threshold:
    """Return where the curve passes 75%, with its interval by inversion.

    exposures_ms: those of the study; the ends of the interval that lie outside are None.
    """
    if curve is None:
        return Threshold(flags=("no_curve",))
    flags, df = _flags_and_df(curve.joint)
    if df is None:
        return Threshold(flags=flags)
    t = t_quantile(df)
    covariances = _allowed_covariances(curve.joint)
    slope_variance = max(float(covariance[1, 1]) for covariance in covariances)
    if curve.slope <= t * sqrt(max(slope_variance, 0.0)):
        return Threshold(df=df, flags=(*flags, "no_rise"))
    offset = curve.intercept - _target(curve.lapse)
    ends = [_invert(offset, curve.slope, t, covariance) for covariance in covariances]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    x_low, x_high = log2(min(exposures_ms) / REFERENCE_MS), log2(max(exposures_ms) / REFERENCE_MS)
    return Threshold(
        ms=_to_ms(-offset / curve.slope),
        ci95=(
            _to_ms(low) if low >= x_low else None,
            _to_ms(high) if high <= x_high else None,
        ),
        df=df,
        flags=flags,
    )


def join_log_thresholds(curves: Mapping[str, ExposureCurve]) -> JointEstimates:
    """Return log2 of each method's threshold, to compare methods: a difference is a log2 ratio.

    The slopes must be above 0.
    """
    names = sorted(curves)
    parts = [curves[name] for name in names]
    sizes = [len(part.joint.influence) for part in parts]
    influence = np.zeros((sum(sizes), len(names)))
    shown = np.zeros((sum(sizes), len(names)), dtype=np.bool_)
    values = np.zeros(len(names))
    start = 0
    for column, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        rows = slice(start, start + size)
        offset = _target(part.lapse) - part.intercept
        gradient = np.array([-1 / part.slope, -offset / part.slope**2])
        values[column] = log2(REFERENCE_MS) + offset / part.slope
        influence[rows, column] = part.joint.influence @ gradient
        shown[rows, column] = True
        start += size
    return JointEstimates(
        names,
        values,
        influence,
        shown,
        np.concatenate([part.joint.participant for part in parts]),
        np.concatenate([part.joint.image for part in parts]),
    )


def find_shape_free_threshold(trials: TimedTrials) -> Threshold:
    """Return where monotone shares, joined linearly in log time, pass 75%.

    Wider than the curve's interval, and right whatever the shape of the curve is.
    """
    exposures = np.unique(trials.exposure_ms)
    shares, joint = _monotone_shares(trials, exposures)
    flags, df = _flags_and_df(joint)
    if df is None:
        return Threshold(flags=flags)
    x = np.log2(exposures)
    grid = np.linspace(x[0], x[-1], GRID)
    weights = np.array([np.interp(grid, x, unit) for unit in np.eye(len(x))]).T  # (grid, exposures)
    interpolated = weights @ shares
    variance = np.max(
        [np.einsum("ge,ef,gf->g", weights, c, weights) for c in _allowed_covariances(joint)], axis=0
    )
    accepted = (interpolated - THRESHOLD_RATE) ** 2 <= t_quantile(df) ** 2 * variance
    reached = np.flatnonzero(interpolated >= THRESHOLD_RATE)
    if not len(reached) or reached[0] == 0 or not accepted.any():
        return Threshold(df=df, flags=(*flags, "not_bracketed"))
    first, last = np.flatnonzero(accepted)[[0, -1]].tolist()
    return Threshold(
        ms=float(2 ** grid[reached[0]]),
        ci95=(
            float(2 ** grid[first]) if first > 0 else None,
            float(2 ** grid[last]) if last < GRID - 1 else None,
        ),
        df=df,
        flags=flags,
    )


def _monotone_shares(
    trials: TimedTrials, exposures: FloatArray
) -> tuple[FloatArray, JointEstimates]:
    """Return the non-decreasing share of correct answers at each exposure, with influences.

    Exposures whose order the data reverse are pooled.
    """
    level = np.searchsorted(exposures, trials.exposure_ms)
    counts = np.bincount(level, minlength=len(exposures)).astype(np.float64)
    raw = np.bincount(level, weights=trials.correct, minlength=len(exposures)) / counts
    fit = optimize.isotonic_regression(raw, weights=counts)
    blocks = np.repeat(np.arange(len(fit.blocks) - 1), np.diff(fit.blocks))
    shown = blocks[level][:, None] == blocks  # (n, exposures)
    influence = np.where(shown, (trials.correct[:, None] - fit.x) / shown.sum(axis=0), 0.0)
    names = [f"{exposure:g}" for exposure in exposures]
    joint = JointEstimates(names, fit.x, influence, shown, trials.participant, trials.image)
    return fit.x, joint


def _flags_and_df(joint: JointEstimates) -> tuple[tuple[str, ...], int | None]:
    participants, images = min(joint.participants), min(joint.images)
    is_raised_by_flag = {"one_participant": participants == 1, "one_image": images == 1}
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    levels = [count for count in (participants, images) if count > 1]
    return flags, min(levels) - 1 if levels else None


def _allowed_covariances(joint: JointEstimates) -> list[FloatArray]:
    """Return the covariances of which the largest variance counts, without single-level factors."""
    by_person, by_image, by_both = joint.covariances
    if min(joint.participants) < 2:
        return [by_image]
    if min(joint.images) < 2:
        return [by_person]
    return [by_person + by_image - by_both, by_person, by_image]


def _target(lapse: float) -> float:
    """Return the log odds at which the curve passes 75%."""
    share = (THRESHOLD_RATE - CHANCE) / (CHANCE - lapse)
    return log(share / (1 - share))


def _invert(offset: float, slope: float, t: float, covariance: FloatArray) -> Interval:
    """Solve (offset + slope x)^2 = t^2 Var(offset + slope x) for a slope above t standard errors.

    covariance (2, 2): of intercept and slope.
    """
    a = slope**2 - t**2 * float(covariance[1, 1])
    b = offset * slope - t**2 * float(covariance[0, 1])
    c = offset**2 - t**2 * float(covariance[0, 0])
    root = sqrt(max(b**2 - a * c, 0.0))
    return (-b - root) / a, (-b + root) / a


def _to_ms(x: float) -> float:
    return float(REFERENCE_MS * 2**x)
