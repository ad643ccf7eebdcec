"""When a training saves between epochs, and when it ends before its last one."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from colorizer.training import distributed

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingTimer:
    """The clock of a training; all processes of one see the same."""

    def __init__(
        self,
        minutes: float = math.inf,
        save_minutes: float = 5.0,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        """End after `minutes` or when `stop_requested`; save every `save_minutes`"""
        self._minutes, self._save_minutes, self._stopped = minutes, save_minutes, stop_requested
        self._began = self._saved = time.monotonic()
        self.time_share = 0.0  # share of the minutes
        self.should_stop = False
        self.start_epoch()

    def start_epoch(self) -> None:
        """From here on the speed is measured."""
        self._epoch_began, self._images = time.monotonic(), 0

    def record_step(self, images: int, device: torch.device) -> None:
        """A step with so many images is done."""
        self._images += images
        spent = (time.monotonic() - self._began) / (60 * self._minutes)
        self.time_share, stop = distributed.all_reduce_max((spent, float(self._stopped())), device)
        self.should_stop = stop > 0

    @property
    def images_per_s(self) -> float:
        """In this epoch so far."""
        return self._images / (time.monotonic() - self._epoch_began)

    def is_save_due(self) -> bool:
        """Whether to save now: at a stop, or when the last time is long ago."""
        now = time.monotonic()
        due = self.should_stop or now - self._saved >= 60 * self._save_minutes
        self._saved = now if due else self._saved
        return due


@contextmanager
def defer_stop_signals() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM inside are only noted, as signal numbers; a second one ends at once."""
    received_signals: list[int] = []
    before = {int(number): signal.getsignal(number) for number in STOP_SIGNALS}

    def note(number: int, _: FrameType | None) -> None:
        received_signals.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield received_signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
