"""Unpack a zip of stimuli that somebody uploaded, after everything in it was checked.

Nothing is written before all entries are known to be harmless: names stay below the folder, no
entry is encrypted, a link, a device or compressed in an unusual way, and the unpacked files fit the
limits, whatever they contain (zip bombs: Fifield, WOOT 2019).
"""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from study_server.errors import StudyError
from study_server.stimuli.images import IMAGE_SUFFIXES, MAX_FILE_BYTES

MANIFEST_NAME = "manifest.csv"
MAX_ENTRIES = 50_000
MAX_DEPTH = 8  # folders within folders
MAX_NAME_BYTES = 200  # the longest name of a folder or file
MAX_RATIO = 100  # size of all files to that of the zip; photographs hardly shrink
RATIO_CHECKED_FROM = 64 * 1024 * 1024  # bytes unpacked; less is no danger
IGNORED_FOLDERS = ("__MACOSX",)
IS_ENCRYPTED = 0x1  # a bit of an entry's flags
REGULAR_TYPES = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: the program that made the zip did not say
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # common programs write these by default
# zipfile has no common exception for files that it cannot read.
DAMAGE = (
    zipfile.BadZipFile,  # headers that contradict each other, or a wrong checksum
    zlib.error,  # data that cannot be inflated
    EOFError,  # data that end too early
    NotImplementedError,  # a version of the format, or a kind of entry, that zipfile does not know
    ValueError,  # offsets outside the file, and names that are not in their encoding
)


class UnpackedFile(NamedTuple):
    """A file to unpack: its entry, and where it goes below the folder."""

    entry: zipfile.ZipInfo
    path: PurePosixPath


def unpack_zip(archive: Path, folder: Path, max_total_bytes: int) -> Path:
    """Unpack the images and the manifest of a zip to an empty folder; return the folder of methods.

    Other files, and hidden ones, are ignored. If everything is inside one folder of the zip, that
    folder is returned. max_total_bytes: limit of all unpacked files together. Raises StudyError
    that names the entry which is refused, before anything is written; if the contents are
    damaged, the caller removes the folder.
    """
    with _open(archive) as opened:
        files = _check_entries(opened.infolist(), archive.stat().st_size, max_total_bytes)
        _require_space(folder, sum(file.entry.file_size for file in files))
        for file in files:
            _unpack(opened, file, folder)
    return _find_methods_folder(folder)


@contextmanager
def _open(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        opened = zipfile.ZipFile(archive)
    except (*DAMAGE, OSError) as error:
        raise StudyError("the file is not a zip, or it is damaged; make the zip again") from error
    with opened:
        yield opened


def _check_entries(
    entries: list[zipfile.ZipInfo], archive_bytes: int, max_total_bytes: int
) -> list[UnpackedFile]:
    """Return the files to unpack; raises StudyError for the first entry that is refused."""
    if len(entries) > MAX_ENTRIES:
        raise StudyError(f"the zip has {len(entries):,} files; the limit is {MAX_ENTRIES:,}")
    named = [UnpackedFile(entry, _check_name(entry)) for entry in entries]
    for file in named:
        _require_regular(file.entry)
    _require_size(entries, archive_bytes, max_total_bytes)
    files = [file for file in named if _is_wanted(file)]
    _require_distinct(files)
    if not files:
        raise StudyError("the zip has no PNG, JPEG or WebP files; put a folder per method into it")
    return files


def _check_name(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path of an entry; raises StudyError if it could lead out of the folder."""
    # zipfile cuts names at a NUL character; some programs for Windows write backslashes
    name = entry.orig_filename.replace("\\", "/")
    shown = repr(name[:100])
    if not name.isprintable():
        raise StudyError(f"the zip has a name that cannot be printed: {shown}; rename it")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise StudyError(f"the zip has a file outside its own folders: {shown}; make the zip again")
    if len(path.parts) > MAX_DEPTH:
        raise StudyError(f"the zip has folders too deep within folders: {shown}; flatten them")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in path.parts):
        raise StudyError(f"the zip has a name that is too long: {shown}...; shorten it")
    return path


def _require_regular(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & IS_ENCRYPTED:
        raise StudyError(f"{entry.filename!r} is encrypted; make the zip without a password")
    if stat.S_IFMT(entry.external_attr >> 16) not in REGULAR_TYPES:
        raise StudyError(
            f"{entry.filename!r} is a link or a device, not a file; put the image itself into the "
            "zip"
        )
    if entry.compress_type not in COMPRESSIONS:
        raise StudyError(f"{entry.filename!r} is not compressed by deflate; make the zip again")


def _require_size(entries: list[zipfile.ZipInfo], archive_bytes: int, max_total_bytes: int) -> None:
    """Raise StudyError if the unpacked files are too large, together or compared with the zip."""
    total = sum(entry.file_size for entry in entries)
    for entry in entries:
        if entry.file_size > MAX_FILE_BYTES:
            raise StudyError(
                f"{entry.filename!r} has {entry.file_size:,} bytes (at most {MAX_FILE_BYTES:,})"
            )
    if total > max_total_bytes:
        raise StudyError(
            f"the unpacked files have {total:,} bytes together; the limit is {max_total_bytes:,}"
        )
    if total > RATIO_CHECKED_FROM and total > MAX_RATIO * archive_bytes:
        raise StudyError(
            f"the unpacked files are {total // archive_bytes:,} times as large as the zip, which "
            "images never are"
        )


def _is_wanted(file: UnpackedFile) -> bool:
    """Return whether an entry is a manifest or an image, and neither hidden nor a folder."""
    entry, path = file
    if entry.filename.endswith("/"):
        return False
    is_hidden = any(part.startswith(".") or part in IGNORED_FOLDERS for part in path.parts)
    return not is_hidden and (
        path.suffix.lower() in IMAGE_SUFFIXES or path.name.lower() == MANIFEST_NAME
    )


def _require_distinct(files: Iterable[UnpackedFile]) -> None:
    """Raise StudyError if two files have one name, or a file has the name of a folder.

    Names that differ in case only are one name on some disks.
    """
    seen, folders = set[str](), set[str]()
    for _, path in files:
        lowered = path.as_posix().lower()
        if lowered in seen:
            raise StudyError(f"the zip has {path.as_posix()!r} twice; remove one")
        seen.add(lowered)
        folders.update(parent.as_posix().lower() for parent in path.parents)
    for name in sorted(seen & folders):
        raise StudyError(f"the zip has a file and a folder named {name!r}; rename one")


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StudyError(
            f"the unpacked files need {needed:,} bytes, but the server's disk has {free:,} left"
        )


def _unpack(opened: zipfile.ZipFile, file: UnpackedFile, folder: Path) -> None:
    target = folder / file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(file.entry) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)  # reads no more than the size that was checked
    except DAMAGE as error:
        raise StudyError(f"{file.entry.filename!r} is damaged; make the zip again") from error


def _find_methods_folder(folder: Path) -> Path:
    """Return the folder with the manifest or the folders of methods, which may be in another."""
    while True:
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir() or _has_files(inside[0]):
            return folder
        folder = inside[0]


def _has_files(folder: Path) -> bool:
    """Return whether a folder has images of its own, as the folder of a method does."""
    return any(path.is_file() and path.name.lower() != MANIFEST_NAME for path in folder.iterdir())
