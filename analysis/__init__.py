"""Responses -> fooling rates that can be defended.

The functions of `__all__` are loaded when first used, so that importing the package is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.api.columns import DataError
    from analysis.api.estimates import (
        bradley_terry,
        difference,
        fooling_rate,
        mean_opinion,
        plackett_luce,
        threshold,
        win_rates,
    )

__all__ = [
    "DataError",
    "bradley_terry",
    "difference",
    "fooling_rate",
    "mean_opinion",
    "plackett_luce",
    "threshold",
    "win_rates",
]


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "columns" if name == "DataError" else "estimates"
    return getattr(import_module(f"analysis.api.{module}"), name)


def __dir__() -> list[str]:
    return __all__
