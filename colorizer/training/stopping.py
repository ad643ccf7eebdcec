"""Decide when training saves within an epoch and when it stops early (time limit or a signal)."""

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
    """The timer of a training run; all processes make the same decisions."""

    def __init__(
        self,
        minutes: float = math.inf,
        save_minutes: float = 5.0,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        """Stop after `minutes` or when `stop_requested` returns True; save every `save_minutes`."""
        self._minutes, self._save_minutes = minutes, save_minutes
        self._stop_requested = stop_requested
        self._started = self._last_save = time.monotonic()
        self.time_share = 0.0  # fraction of the minutes that have passed
        self.should_stop = False
        self.start_epoch()

    def start_epoch(self) -> None:
        """Start measuring the speed of a new epoch."""
        self._epoch_started, self._images = time.monotonic(), 0

    def record_step(self, images: int, device: torch.device) -> None:
        """Record a completed step with this number of images."""
        self._images += images
        elapsed = (time.monotonic() - self._started) / (60 * self._minutes)
        self.time_share, stop = distributed.all_reduce_max(
            (elapsed, float(self._stop_requested())), device
        )
        self.should_stop = stop > 0

    @property
    def images_per_s(self) -> float:
        """The speed in this epoch so far."""
        return self._images / (time.monotonic() - self._epoch_started)

    def is_save_due(self) -> bool:
        """Return True if training stops or `save_minutes` have passed; restarts the interval."""
        now = time.monotonic()
        due = self.should_stop or now - self._last_save >= 60 * self._save_minutes
        self._last_save = now if due else self._last_save
        return due


@contextmanager
def defer_stop_signals() -> Iterator[list[int]]:
    """Record Ctrl-C and SIGTERM in the block instead of stopping; yield the recorded signals.

    A second signal of the same kind has its usual effect.
    """
    received_signals: list[int] = []
    before = {int(number): signal.getsignal(number) for number in STOP_SIGNALS}

    def record_signal(number: int, _: FrameType | None) -> None:
        received_signals.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, record_signal)
    try:
        yield received_signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
