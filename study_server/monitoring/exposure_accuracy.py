"""Compare the exposures that participants saw with the planned ones."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from study_server.studies.trial_counts import ExposureErrors

FRAME_MS = 1000 / 60  # at 60 Hz, as in the report


@dataclass(frozen=True)
class ExposureAccuracy:
    """The absolute errors of exposures. off: those of more than a frame."""

    images: int
    off: int
    median_ms: float
    p95_ms: float

    @property
    def within_frame(self) -> float:
        """The share of exposures that were off by a frame at most."""
        return 1 - self.missed

    @property
    def missed(self) -> float:
        """The share of exposures that were off by more than a frame."""
        return self.off / self.images


def measure_exposure_accuracy(errors: Iterable[ExposureErrors]) -> ExposureAccuracy | None:
    """Return the accuracy over all exposures; None if none was planned and measured."""
    totals: Counter[int] = Counter()
    for one in errors:
        totals.update(one)
    images = totals.total()
    if not images:
        return None
    off = sum(count for tenths, count in totals.items() if tenths / 10 > FRAME_MS)
    return ExposureAccuracy(images, off, _find_quantile(totals, 0.5), _find_quantile(totals, 0.95))


def _find_quantile(totals: Counter[int], share: float) -> float:
    """Return the smallest error in ms that at least this share of the exposures does not exceed."""
    seen, needed = 0, share * totals.total()
    for tenths in sorted(totals):
        seen += totals[tenths]
        if seen >= needed:
            break
    return tenths / 10
