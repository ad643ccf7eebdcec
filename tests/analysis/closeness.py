"""Compare nested results up to rounding."""

from math import isclose
from typing import Any


def list_differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Return where two reports differ beyond the ninth digit."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(one[key], other[key], f"{path}.{key}") for key in one]
    elif (
        isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other)
    ):
        pairs = [(*both, f"{path}[{at}]") for at, both in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, float) and isinstance(other, float):
        same = isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
        return [] if same else [f"{path}: {one} or {other}"]
    else:
        return [] if one == other else [f"{path}: {one} or {other}"]
    return [difference for pair in pairs for difference in list_differences(*pair)]
