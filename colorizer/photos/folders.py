"""List the photographs of a folder, count the other files, and compare it with the outputs'."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from colorizer.errors import ColorizerError
from colorizer.photos.formats import FORMAT_SUFFIXES, readable_suffixes


def find_photographs(folder: Path) -> list[Path]:
    """Return the photographs below a folder, sorted by path, without hidden files.

    Links to files are included; links to folders are not followed. Broken links and folders that
    cannot be listed are included, so that reading them reports the reason.
    """
    unlistable: list[Path] = []
    photographs = [path for path in _visible_files(folder, unlistable) if is_photograph(path)]
    return sorted(photographs + unlistable)


def is_photograph(path: PurePath) -> bool:
    """Return True if the suffix is that of a format that can be read."""
    return _suffix(path) in readable_suffixes()


def count_kinds(paths: Iterable[PurePath]) -> Counter[str]:
    """Count, by suffix, the files that are not read as photographs."""
    return Counter(_suffix(path) for path in paths if not is_photograph(path))


def count_other_files(folder: Path, without: Path | None = None) -> Counter[str]:
    """Count, by suffix, the visible files below a folder that are not read as photographs.

    without: a folder whose files are not counted.
    """
    skipped = _real(without) if without else None
    return count_kinds(
        path
        for path in _visible_files(folder, [])
        if skipped is None or skipped not in _real(path).parents
    )


def describe_other_files(kinds: Counter[str]) -> str:
    """Return the counts as text: `12 files of other kinds: 9 .heic, 3 .jxl`."""
    total = kinds.total()
    listed = ", ".join(
        f"{count} {suffix or 'without a suffix'}"
        for suffix, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    )
    text = f"{total} {'file' if total == 1 else 'files'} of other kinds: {listed}"
    if kinds.keys() & set(FORMAT_SUFFIXES["HEIF"]):
        text += " (to read HEIC, install pillow-heif, for example with the extra `heif`)"
    return text


def no_photographs_error(folder: Path, without: Path | None = None) -> ColorizerError:
    """Return the error for a folder without photographs, which says what is in it instead."""
    return nothing_found_error(str(folder), count_other_files(folder, without))


def nothing_found_error(place: str, kinds: Counter[str]) -> ColorizerError:
    """Return the error for a path or URL without photographs, with the files of other kinds."""
    others = f", but {describe_other_files(kinds)}" if kinds else ""
    return ColorizerError(f"{place}: no photographs in this folder{others}; use another one")


def require_not_above(out: Path, folder: Path) -> None:
    """Raise ColorizerError if an output folder is or contains a folder of photographs."""
    real_out, real_folder = _real(out), _real(folder)
    if real_out == real_folder or real_out in real_folder.parents:
        verb = "is" if real_out == real_folder else "contains"
        raise ColorizerError(
            f"--out {out}: this folder {verb} {folder}, the folder of the photographs; use another "
            "folder for the outputs"
        )


def require_separate(out: Path, folder: Path) -> None:
    """Raise ColorizerError if an output folder is, contains or is in a folder of photographs."""
    require_not_above(out, folder)
    if _real(folder) in _real(out).parents:
        raise ColorizerError(
            f"--out {out}: this folder is inside {folder}, the folder of the photographs, so the "
            "outputs would be taken for photographs; use another folder for the outputs"
        )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _visible_files(folder: Path, unlistable: list[Path]) -> Iterator[Path]:
    """Yield the files below a folder; folders that cannot be listed are added to `unlistable`.

    Linked folders are followed, unless they contain the link.
    """
    for root, folders, files in os.walk(
        folder,
        onerror=lambda error: unlistable.append(Path(error.filename)),
        followlinks=True,
    ):
        here, real = Path(root), _real(Path(root))
        visible = [name for name in folders if not name.startswith(".")]
        folders[:] = [name for name in visible if not real.is_relative_to(_real(here / name))]
        yield from (Path(root, name) for name in files if not name.startswith("."))


def _suffix(path: PurePath) -> str:
    return path.suffix.lower()
