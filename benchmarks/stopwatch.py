"""Timing of alternatives in turns, so that other load on the machine affects all equally."""

import time
from collections.abc import Callable, Mapping
from statistics import median


def measure_medians_ms(
    functions: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Return the median duration of each function over the rounds, after one warm-up round."""
    times_ms: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, way in functions.items():
            began = time.perf_counter()
            way()
            times_ms[name].append((time.perf_counter() - began) * 1000)
    return {name: median(times[1:]) for name, times in times_ms.items()}
