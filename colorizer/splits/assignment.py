"""Assign photographs to the training, validation and test splits, reproducibly."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.photos.folders import find_photographs, no_photographs_error
from colorizer.photos.gray import is_gray, is_one_hue
from colorizer.photos.reading import read_squares
from colorizer.splits.duplicates import find_similar_hashes, merge_duplicate_groups, perceptual_hash
from colorizer.splits.split_file import Photograph, describe_name_problem

# Photographs are checked for grayness at the size of the square that training and stimuli use.
INSPECTION_PX = 256


class InspectedPhotograph(NamedTuple):
    """A new row of split.csv, and if it is counted as gray because it has a single hue."""

    row: Photograph
    one_hue: bool


# Photographs in the source report (table 1), out of REPORT_TOTAL.
REPORT_COUNTS = {"val": 8400, "test": 1600}
REPORT_TOTAL = 200_000


def find_new_files(
    folder: Path, recorded_rows: Sequence[Photograph]
) -> tuple[list[Path], dict[str, str]]:
    """Find the photographs below a folder that have no recorded row yet.

    Also returns the files that are refused because of their names, with the reasons.
    Raises ColorizerError if the folder contains no photographs.
    """
    files = find_photographs(folder)
    if not files:
        raise no_photographs_error(folder)
    ids = Counter(image_id(folder, path) for path in files)
    recorded_paths = {row.image: row.path for row in recorded_rows}
    new_paths, refused = [], {}
    for path in files:
        image = image_id(folder, path)
        if recorded_paths.get(image) == path:
            continue
        name = str(path.relative_to(folder))
        problem = describe_name_problem(image, ids[image])
        if image in recorded_paths:
            problem = f"{recorded_paths[image]} already has the ID {image}; rename one of them"
        if problem is None:
            new_paths.append(path)
        else:
            refused[name] = problem
    return new_paths, refused


def inspect_files(
    folder: Path, files: Sequence[Path]
) -> Iterator[InspectedPhotograph | tuple[str, str]]:
    """Yield the row of each file, without a split, or (name, reason) if it cannot be read."""
    for path, square in read_squares(files, INSPECTION_PX):
        file = path.relative_to(folder).as_posix()
        if isinstance(square, UnreadablePhotographError):
            yield file, str(square)
        else:
            one_hue = not is_gray(square) and is_one_hue(square)
            image, gray = image_id(folder, path), one_hue or is_gray(square)
            phash = "" if gray else perceptual_hash(square)
            row = Photograph(str(folder), image, file, "", gray, group=image, phash=phash)
            yield InspectedPhotograph(row, one_hue)


def assign_splits(
    new_rows: Sequence[Photograph],
    recorded_rows: Sequence[Photograph],
    val: float,
    test: float,
    seed: int,
) -> list[Photograph]:
    """Return the recorded rows, unchanged, then the new rows with their groups and splits.

    Near-duplicates form one group, and a group is in one split: if it has a recorded row, in that
    row's split. val, test: for the first photographs, a count (1 or more) or a fraction (below 1).
    Later photographs are assigned by the hash of their group, in the proportions of the recorded
    rows. Raises ColorizerError if no photograph would be left for training.
    """
    new_rows = _group_duplicates(new_rows, recorded_rows)
    sizes = Counter(row.group for row in new_rows if not row.gray)
    groups = sorted(sizes, key=lambda group: _hash_position(seed, group))
    known_splits = {row.group: row.split for row in recorded_rows if not row.gray}
    if known_splits:
        counts = Counter(row.split for row in recorded_rows if not row.gray)
        shares = [counts[split] / counts.total() for split in ("test", "val")]
        splits = {group: _assign_by_hash(_hash_position(seed, group), *shares) for group in groups}
    else:
        splits = _assign_by_rank({group: sizes[group] for group in groups}, val, test)
    splits.update(known_splits)
    return [
        *recorded_rows,
        *(row if row.gray else replace(row, split=splits[row.group]) for row in new_rows),
    ]


def scale_report_count(split: str, photographs: int) -> int:
    """Scale a split's size in the source report (table 1) to this number of photographs.

    At least 1, and at most the size in the report.
    """
    return max(
        1, min(REPORT_COUNTS[split], round(REPORT_COUNTS[split] / REPORT_TOTAL * photographs))
    )


def image_id(folder: Path, path: Path) -> str:
    """Return a photograph's ID: its path relative to the folder, without the suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _group_duplicates(
    new_rows: Sequence[Photograph], recorded_rows: Sequence[Photograph]
) -> list[Photograph]:
    """Return the new rows with the groups of their near-duplicates; recorded rows keep theirs."""
    hashed = [row for row in (*recorded_rows, *new_rows) if row.phash]
    pairs = find_similar_hashes([row.phash for row in hashed])
    assigned = {row.group for row in recorded_rows if not row.gray}
    merged = merge_duplicate_groups([row.group for row in hashed], pairs, assigned)
    groups = {row.image: group for row, group in zip(hashed, merged, strict=True)}
    return [replace(row, group=groups.get(row.image, row.group)) for row in new_rows]


def _assign_by_rank(sizes: Mapping[str, int], val: float, test: float) -> dict[str, str]:
    """Assign the groups to splits in their order: first to test, then to val, the rest to train.

    sizes: number of photographs in each group.
    """
    total = sum(sizes.values())
    tests, vals = _resolve_amount(test, total), _resolve_amount(val, total)
    test_groups = _choose_groups(sizes, tests)
    others = {group: size for group, size in sizes.items() if group not in test_groups}
    val_groups = _choose_groups(others, vals)
    if len(test_groups) + len(val_groups) == len(sizes):
        raise ColorizerError(
            f"--test {test:g} and --val {val:g} use {tests + vals} of {total} color photographs "
            "and leave none for training; use smaller counts, or fractions such as 0.2"
        )
    splits = dict.fromkeys(sizes, "train")
    return splits | dict.fromkeys(test_groups, "test") | dict.fromkeys(val_groups, "val")


def _choose_groups(sizes: Mapping[str, int], count: int) -> set[str]:
    """Choose groups in order as long as they fit into `count` photographs.

    The result has exactly `count` photographs if enough groups have only one. The first group is
    chosen even if it is larger than `count`, so that a requested split is never empty.
    """
    chosen_groups: set[str] = set()
    for group, size in sizes.items():
        if size <= count or (count > 0 and not chosen_groups):
            chosen_groups.add(group)
            count -= size
    return chosen_groups


def _assign_by_hash(position: float, test: float, val: float) -> str:
    if position < test:
        return "test"
    return "val" if position < test + val else "train"


def _resolve_amount(amount: float, total: int) -> int:
    """Convert a count (1 or more) or a fraction (below 1) of `total` to a count."""
    if amount >= 1:
        return int(amount)
    return max(1, round(amount * total)) if amount else 0


def _hash_position(seed: int, group: str) -> float:
    """Return the position of a group in [0, 1), which is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:8]) / 2**64
