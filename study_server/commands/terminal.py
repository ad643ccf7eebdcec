"""Progress on stderr, where somebody sees it."""

from collections.abc import Iterable
from typing import Any

from rich import progress
from rich.console import Console

STDERR = Console(stderr=True)


def track(things: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """The things, one by one, with a bar."""
    return progress.track(things, what, total, console=STDERR, disable=not STDERR.is_terminal)
