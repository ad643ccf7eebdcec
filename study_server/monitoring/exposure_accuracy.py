"""Compare the exposures that participants saw with the planned ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from study_server.studies.exclusion_counts import ParticipantSummary
from study_server.studies.trial_counts import ERROR_STEP_MS, ExposureErrors


@dataclass(frozen=True)
class ExposureAccuracy:
    """The absolute errors of exposures. off: those of more than a frame.

    median_ms, p95_ms: to the nearest half millisecond.
    """

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


def measure_exposure_accuracy(
    people: Iterable[ParticipantSummary], errors: ExposureErrors
) -> ExposureAccuracy | None:
    """Return the accuracy over all exposures; None if none was planned and measured.

    errors: those of all these people together.
    """
    images = off = 0
    for person in people:
        images += person.exposures
        off += person.exposures_off
    if not images or not errors:
        return None
    return ExposureAccuracy(images, off, find_quantile(errors, 0.5), find_quantile(errors, 0.95))


def find_quantile(errors: Mapping[int, int], share: float) -> float:
    """Return the smallest error in ms that at least this share of the exposures does not exceed."""
    seen, needed = 0, share * sum(errors.values())
    for steps in sorted(errors):
        seen += errors[steps]
        if seen >= needed:
            break
    return steps * ERROR_STEP_MS
