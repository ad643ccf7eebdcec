"""Which photograph becomes which file: outputs meet neither each other nor an input."""

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from colorizer.photos.reading import find_photographs

LONGEST = 230  # bytes of a name, so that a number and "-sheet.png" fit in a file system's 255


class Job(NamedTuple):
    """A photograph, and where its colored self and its sheet go."""

    source: Path
    colored: Path
    sheet: Path


def name_outputs(inputs: Iterable[Path], out: Path) -> list[Job]:
    """Files as they are, folders with all photographs below them; each file once.

    A folder's photographs keep their place below it. Long names are cut; where two would get the
    same one, also on a file system that ignores case, the later one is numbered. What lies below
    `out` is not looked for: it is the output of an earlier call.
    """
    found: dict[str, tuple[Path, Path]] = {}
    for source, place in _look(inputs, out):
        found.setdefault(os.path.realpath(source), (source, place))
    taken = {real.casefold() for real in found}
    jobs = []
    for source, place in found.values():
        job = _choose(source, out / place, taken)
        taken |= _claims(job)
        jobs.append(job)
    return jobs


def _look(inputs: Iterable[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Each file, and its place below the outputs."""
    for path in inputs:
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        for file in find_photographs(path):
            if Path(os.path.realpath(out)) not in Path(os.path.realpath(file)).parents:
                yield file, file.relative_to(path)


def _choose(source: Path, place: Path, taken: set[str]) -> Job:
    """The first free names; a sheet's are reserved whether it is asked for or not."""
    stem = _cut(place.stem)
    numbered = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
    jobs = (
        Job(source, place.with_name(f"{name}.png"), place.with_name(f"{name}-sheet.png"))
        for name in numbered
    )
    return next(job for job in jobs if not _claims(job) & taken)


def _cut(name: str) -> str:
    while len(os.fsencode(name)) > LONGEST:
        name = name[:-1]
    return name


def _claims(job: Job) -> set[str]:
    return {os.path.realpath(path).casefold() for path in (job.colored, job.sheet)}
