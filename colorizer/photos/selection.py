"""Select the photographs of a split or a folder, without near-duplicates."""

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
    split_name: str, photos: Path | None
) -> tuple[Sequence[Photograph], dict[str, str]]:
    """Return the photographs of a folder, or without one those of a split.

    Also returns the files of the folder that are refused because of their names, with the reasons.
    """
    if photos is None:
        return select_split(read_split(SPLIT_FILE), split_name), {}
    folder = photos.resolve()
    files, refused = find_new_files(folder, [])
    recorded_rows = {row.path: row for row in read_split(SPLIT_FILE)} if SPLIT_FILE.exists() else {}
    return [_row_for_file(folder, path, recorded_rows.get(path)) for path in files], refused


def leave_out_near_duplicates(
    photographs: Sequence[Photograph],
) -> tuple[list[Photograph], dict[str, str]]:
    """Keep the first of each set of near-duplicates.

    Returns the photographs that are kept, and for each file that is left out the near-duplicate
    that is kept instead. In a study, near-duplicates would show the same image twice, and
    `study import` warns of them. Only the hashes in split.csv are compared: photographs without a
    hash, or in the same group for another reason, are kept.
    """
    hashed = [photograph for photograph in photographs if photograph.phash]
    pairs = find_similar_hashes([photograph.phash for photograph in hashed])
    groups = merge_duplicate_groups([photograph.image for photograph in hashed], pairs, frozenset())
    firsts: dict[str, Photograph] = {}
    others: dict[str, str] = {}
    for photograph, group in zip(hashed, groups, strict=True):
        first = firsts.setdefault(group, photograph)
        if first is not photograph:
            others[photograph.file] = first.file
    return [photograph for photograph in photographs if photograph.file not in others], others


def _row_for_file(folder: Path, path: Path, recorded_row: Photograph | None) -> Photograph:
    """Build the row of a photograph in a folder, with split and group from split.csv if listed."""
    image, file = image_id(folder, path), path.relative_to(folder).as_posix()
    if recorded_row is None:
        return Photograph(str(folder), image, file, "test", gray=False, group=image)
    return replace(
        recorded_row, root=str(folder), image=image, file=file, split=recorded_row.split or "test"
    )
