"""Select the photographs of a split, a folder or a URL, without near-duplicates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from colorizer.object_storage import Storage
from colorizer.photos.folders import count_kinds, is_photograph, nothing_found_error
from colorizer.splits.assignment import find_new_files, image_id
from colorizer.splits.duplicates import find_similar_hashes, merge_duplicate_groups
from colorizer.splits.split_file import (
    SPLIT_FILE,
    Photograph,
    describe_name_problem,
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


class StoredPhotographs(NamedTuple):
    """The photographs below a URL.

    refused: the reason for each file that is refused because of its name. others: the number of
    files that are not photographs, by suffix.
    """

    photographs: list[Photograph]
    refused: dict[str, str]
    others: Counter[str]


def collect_stored_photographs(url: str) -> StoredPhotographs:
    """Return the photographs below a URL, in the order of a folder with the same files.

    Raises ColorizerError if there are none, or if the storage cannot be read.
    """
    paths = sorted(PurePosixPath(name) for name in Storage(url).list())
    visible = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    files, others = list(filter(is_photograph, visible)), count_kinds(visible)
    if not files:
        raise nothing_found_error(url, others)
    images = {path: path.with_suffix("").as_posix() for path in files}
    ids = Counter(images.values())
    photographs, refused = [], {}
    for path, image in images.items():
        problem = describe_name_problem(image, ids[image])
        if problem is None:
            photographs.append(Photograph(url, image, str(path), "test", False, group=image))
        else:
            refused[str(path)] = problem
    return StoredPhotographs(photographs, refused, others)


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
