"""Estimate fooling rates, preferences and ratings from responses, with valid intervals.

The functions of `__all__` are loaded when first used, so that importing the package is cheap.
"""

from importlib import import_module
from importlib.util import find_spec
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
    from analysis.planning.sample_sizes import sample_size

__all__ = [
    "DataError",
    "bradley_terry",
    "difference",
    "fooling_rate",
    "mean_opinion",
    "plackett_luce",
    "sample_size",
    "threshold",
    "win_rates",
]

LIBRARIES = ("jinja2", "matplotlib", "PIL", "pyarrow", "scipy", "sqlalchemy")
ESTIMATES = "analysis.api.estimates"
OTHER_MODULES = {
    "DataError": "analysis.api.columns",
    "sample_size": "analysis.planning.sample_sizes",
}


def _require_libraries() -> None:
    """Raise ImportError if a library of the extra `analysis` is missing.

    It names this package, so that `python -m analysis.report` prints one line and no traceback.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        message = f"no {', '.join(missing)}; run pip install 'hue-and-eye[analysis]'"
        raise ImportError(message, name=__name__)


_require_libraries()


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(OTHER_MODULES.get(name, ESTIMATES)), name)


def __dir__() -> list[str]:
    return __all__
