"""When a training saves between epochs, and when it ends before its last one."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from colorizer.training import distributed

STOPS = (signal.SIGINT, signal.SIGTERM)


class Pace:
    """The clock of a training; all processes of one see the same."""

    def __init__(
        self,
        minutes: float = math.inf,
        save_minutes: float = 5.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """End after `minutes` or when `stopped`; save every `save_minutes`"""
        self._minutes, self._save_minutes, self._stopped = minutes, save_minutes, stopped
        self._began = self._saved = time.monotonic()
        self.spent = 0.0  # share of the minutes
        self.stop = False
        self.start_epoch()

    def start_epoch(self) -> None:
        """From here on the speed is measured."""
        self._epoch_began, self._images = time.monotonic(), 0

    def tick(self, images: int, device: torch.device) -> None:
        """A step with so many images is done."""
        self._images += images
        spent = (time.monotonic() - self._began) / (60 * self._minutes)
        self.spent, stop = distributed.greatest((spent, float(self._stopped())), device)
        self.stop = stop > 0

    @property
    def images_per_s(self) -> float:
        """In this epoch so far."""
        return self._images / (time.monotonic() - self._epoch_began)

    def save_is_due(self) -> bool:
        """Whether to save now: at a stop, or when the last time is long ago."""
        now = time.monotonic()
        due = self.stop or now - self._saved >= 60 * self._save_minutes
        self._saved = now if due else self._saved
        return due


@contextmanager
def deferred_stop() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM inside are only noted, as signal numbers; a second one ends at once."""
    noted: list[int] = []
    before = {int(number): signal.getsignal(number) for number in STOPS}

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
