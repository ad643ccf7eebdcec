"""Choose the photographs to color: those of a split or a folder, without near-duplicates."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from colorizer.photos.duplicates import find_similar_hashes, merge_duplicate_groups
from colorizer.photos.splits import (
    SPLIT_FILE,
    Photograph,
    find_new_files,
    image_id,
    read_split,
    select_split,
)


def collect_photographs(
    side: str, photos: Path | None
) -> tuple[Sequence[Photograph], dict[str, str]]:
    """The photographs to color, and those refused for their names, with reasons."""
    if photos is None:
        return select_split(read_split(SPLIT_FILE), side), {}
    folder = photos.resolve()
    files, refused = find_new_files(folder, [])
    recorded_rows = {row.path: row for row in read_split(SPLIT_FILE)} if SPLIT_FILE.exists() else {}
    return [_row_for_file(folder, path, recorded_rows.get(path)) for path in files], refused


def leave_out_near_duplicates(
    photographs: Sequence[Photograph],
) -> tuple[list[Photograph], dict[str, str]]:
    """The first of those that look alike, and the files of the others, each with that of its first.

    People who saw one have seen the other, and `study import` warns of them. By the hashes of
    split.csv: a photograph without one, or of the same group for another reason, stays.
    """
    hashed = [photograph for photograph in photographs if photograph.phash]
    pairs = find_similar_hashes([photograph.phash for photograph in hashed])
    joined = merge_duplicate_groups([photograph.image for photograph in hashed], pairs, frozenset())
    firsts: dict[str, Photograph] = {}
    others: dict[str, str] = {}
    for photograph, group in zip(hashed, joined, strict=True):
        first = firsts.setdefault(group, photograph)
        if first is not photograph:
            others[photograph.file] = first.file
    return [photograph for photograph in photographs if photograph.file not in others], others


def _row_for_file(folder: Path, path: Path, recorded_row: Photograph | None) -> Photograph:
    """A photograph of a folder; the split and the group are those of split.csv, if it is there."""
    image, file = image_id(folder, path), path.relative_to(folder).as_posix()
    if recorded_row is None:
        return Photograph(str(folder), image, file, "test", gray=False, group=image)
    return replace(
        recorded_row, root=str(folder), image=image, file=file, split=recorded_row.split or "test"
    )
