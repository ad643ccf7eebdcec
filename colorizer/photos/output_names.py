"""Which photograph becomes which file: outputs meet neither each other nor an input."""

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from colorizer.photos.reading import find_photographs

# bytes of a name, so that a number and "-sheet.png" fit in a file system's 255
MAX_NAME_BYTES = 230


class OutputPaths(NamedTuple):
    """A photograph, and where its colored self and its sheet go."""

    source: Path
    colorized: Path
    sheet: Path


def name_outputs(inputs: Iterable[Path], out: Path) -> list[OutputPaths]:
    """Files as they are, folders with all photographs below them; each file once.

    A folder's photographs keep their place below it. Long names are cut; where two would get the
    same one, also on a file system that ignores case, the later one is numbered. What lies below
    `out` is not looked for: it is the output of an earlier call.
    """
    sources: dict[str, tuple[Path, Path]] = {}
    for source, place in _iterate_sources(inputs, out):
        sources.setdefault(os.path.realpath(source), (source, place))
    reserved = {real.casefold() for real in sources}
    jobs = []
    for source, place in sources.values():
        job = _choose_free_names(source, out / place, reserved)
        reserved |= _reserved_paths(job)
        jobs.append(job)
    return jobs


def _iterate_sources(inputs: Iterable[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Each file, and its place below the outputs."""
    for path in inputs:
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        for file in find_photographs(path):
            if Path(os.path.realpath(out)) not in Path(os.path.realpath(file)).parents:
                yield file, file.relative_to(path)


def _choose_free_names(source: Path, place: Path, taken: set[str]) -> OutputPaths:
    """The first free names; a sheet's are reserved whether it is asked for or not."""
    stem = _truncate_name(place.stem)
    numbered = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
    jobs = (
        OutputPaths(source, place.with_name(f"{name}.png"), place.with_name(f"{name}-sheet.png"))
        for name in numbered
    )
    return next(job for job in jobs if not _reserved_paths(job) & taken)


def _truncate_name(name: str) -> str:
    while len(os.fsencode(name)) > MAX_NAME_BYTES:
        name = name[:-1]
    return name


def _reserved_paths(job: OutputPaths) -> set[str]:
    return {os.path.realpath(path).casefold() for path in (job.colorized, job.sheet)}
