"""Choose output file names that collide neither with each other nor with an input."""

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from colorizer.photos.folders import find_photographs

# File systems allow 255 bytes; the rest is room for a number and "-sheet.png".
MAX_NAME_BYTES = 230


class OutputPaths(NamedTuple):
    """A photograph, and the paths of its colorized image and of its comparison sheet."""

    source: Path
    colorized: Path
    sheet: Path


def name_outputs(inputs: Iterable[Path], out: Path) -> list[OutputPaths]:
    """Choose the output paths of files, and of all photographs in folders; each file once.

    Photographs of a folder keep their relative path. Long names are truncated. If two outputs would
    have the same name (case is ignored, as on some file systems), the later one gets a number.
    Folders are searched without `out`, which holds the outputs of earlier calls.
    """
    sources: dict[str, tuple[Path, Path]] = {}
    for source, relative_path in _iterate_sources(inputs, out):
        sources.setdefault(os.path.realpath(source), (source, relative_path))
    reserved = {real.casefold() for real in sources}
    jobs = []
    for source, relative_path in sources.values():
        job = _choose_free_names(source, out / relative_path, reserved)
        reserved |= _reserved_paths(job)
        jobs.append(job)
    return jobs


def _iterate_sources(inputs: Iterable[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file and the path of its output relative to the output folder."""
    for path in inputs:
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        for file in find_photographs(path):
            if Path(os.path.realpath(out)) not in Path(os.path.realpath(file)).parents:
                yield file, file.relative_to(path)


def _choose_free_names(source: Path, target: Path, used_paths: set[str]) -> OutputPaths:
    """Return the first free output paths; the sheet's path must be free even if none is drawn."""
    stem = _truncate_name(target.stem)
    numbered = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
    jobs = (
        OutputPaths(source, target.with_name(f"{name}.png"), target.with_name(f"{name}-sheet.png"))
        for name in numbered
    )
    return next(job for job in jobs if not _reserved_paths(job) & used_paths)


def _truncate_name(name: str) -> str:
    while len(os.fsencode(name)) > MAX_NAME_BYTES:
        name = name[:-1]
    return name


def _reserved_paths(job: OutputPaths) -> set[str]:
    return {os.path.realpath(path).casefold() for path in (job.colorized, job.sheet)}
