"""Photographs in tar files (shards), in WebDataset's layout: `000000123.json`, `000000123.jpg`.

The two files of a photograph share a number and follow each other. The JSON has the photograph's
path within its folder; the bytes of the photograph are those of its file.
"""

import io
import json
import re
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from colorizer.errors import ColorizerError
from colorizer.object_storage import StoredFile, fetch, find_file, is_url, join, list_files, publish
from colorizer.photos.reading import map_ahead

SUFFIX = ".tar"
NAME = re.compile(r"\d{6}\.tar")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
END_MARK_BYTES = 1024  # zeros at the end of every tar file


class ShardPlan(NamedTuple):
    """A shard to be written: its name, the number of its first photograph, and its files."""

    name: str
    first: int
    files: list[Path]


def plan_shards(files: Sequence[Path], shard_bytes: int) -> list[ShardPlan]:
    """Divide files, in order, into shards of about this size; at least one file in each."""
    plans: list[ShardPlan] = []
    size = 0
    for number, file in enumerate(files):
        file_bytes = file.stat().st_size
        if not plans or size + file_bytes > shard_bytes:
            plans.append(ShardPlan(f"{len(plans):06}{SUFFIX}", number, []))
            size = 0
        plans[-1].files.append(file)
        size += file_bytes
    return plans


def write_shards(folder: Path, plans: Sequence[ShardPlan], out: str) -> Iterator[bool]:
    """Write shards of photographs in `folder` to a folder or URL; yield whether each was written.

    A shard is not written again if it has the right size and is newer than its photographs. The
    bytes depend on nothing but the photographs. Raises ColorizerError if `out` has other shards.
    """
    names = {plan.name for plan in plans}
    for stored in list_files(out):
        name = PurePosixPath(stored.place).name
        if NAME.fullmatch(name) and name not in names:
            raise ColorizerError(
                f"{stored.place}: not one of the {len(plans)} shards of these photographs; remove "
                "it, or use another --out"
            )
    for plan in plans:
        place = join(out, plan.name)
        is_current = _is_current(find_file(place), folder, plan)
        if not is_current:
            with publish(place) as temporary:
                _write_shard(temporary, folder, plan)
        yield not is_current


def find_shards(places: Sequence[str]) -> list[StoredFile]:
    """Return the shards that paths or URLs of tar files, or of folders of them, name.

    A range stands for its numbers: `{000..255}.tar` for 256 files. Raises ColorizerError if one
    does not exist, or if a folder has none.
    """
    found: list[StoredFile] = []
    for place in (expanded for text in places for expanded in _expand(text)):
        if not place.endswith(SUFFIX):
            shards = [file for file in list_files(place) if file.place.endswith(SUFFIX)]
            if not shards:
                raise ColorizerError(f"{place}: no {SUFFIX} files; run `colorizer shard` first")
            found += shards
        elif (shard := find_file(place)) is not None:
            found.append(shard)
        else:
            raise ColorizerError(f"{place}: no such shard; check --shards")
    return found


def read_shards(
    shards: Sequence[StoredFile], wanted: Collection[str], scratch: Path
) -> Iterator[tuple[str, bytes]]:
    """Yield the path within its folder, and the bytes, of every wanted photograph in the shards.

    wanted: these paths. scratch: a folder for downloads, of which it contains at most five at a
    time. Raises ColorizerError if a shard is damaged, or if a photograph is in none or in two.
    """
    missing = set(wanted)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        copies = (
            (shard.place, Path(folder, f"{number}.tar")) for number, shard in enumerate(shards)
        )
        downloads = map_ahead(lambda copy: fetch(*copy), copies, threads=1)
        for (place, _), path in downloads:
            for file, content in _read_shard(path, place, wanted):
                if file not in missing:
                    raise ColorizerError(f"{place}: contains {file} for the second time")
                missing.remove(file)
                yield file, content
            if is_url(place):
                path.unlink()
    if missing:
        raise ColorizerError(
            f"--shards: {len(missing)} of {len(wanted)} photographs of the split, such as "
            f"{min(missing)}, are in none of the {len(shards)} shards; add the shards that have "
            "them, or run `colorizer shard` again"
        )


def _expand(text: str) -> list[str]:
    """Expand a range of numbers: `a/{08..10}.tar` gives a/08.tar, a/09.tar and a/10.tar."""
    range_match = RANGE.search(text)
    if range_match is None:
        return [text]
    first, last = range_match.groups()
    numbers = range(int(first), int(last) + 1)
    if not numbers:
        raise ColorizerError(f"--shards {text}: the range is empty; write the smaller number first")
    before, after = text[: range_match.start()], text[range_match.end() :]
    return [f"{before}{number:0{len(first)}}{after}" for number in numbers]


def _is_current(stored: StoredFile | None, folder: Path, plan: ShardPlan) -> bool:
    if stored is None or stored.bytes != _shard_bytes(folder, plan):
        return False
    return all(file.stat().st_mtime < stored.changed_at for file in plan.files)


def _shard_bytes(folder: Path, plan: ShardPlan) -> int:
    """Return the size of the tar file that `_write_shard` writes."""
    sizes = [x for file in plan.files for x in (len(_entry(folder, file)), file.stat().st_size)]
    content = sum(tarfile.BLOCKSIZE + _round_up(size, tarfile.BLOCKSIZE) for size in sizes)
    return _round_up(content + END_MARK_BYTES, tarfile.RECORDSIZE)


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _entry(folder: Path, file: Path) -> bytes:
    return json.dumps({"file": file.relative_to(folder).as_posix()}).encode()


def _write_shard(path: Path, folder: Path, plan: ShardPlan) -> None:
    with tarfile.TarFile(path, "w") as tar:
        for number, file in enumerate(plan.files, plan.first):
            contents = {".json": _entry(folder, file), file.suffix.lower(): file.read_bytes()}
            for suffix, content in contents.items():
                member = tarfile.TarInfo(f"{number:09}{suffix}")  # no time, no owner
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def _read_shard(path: Path, place: str, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the path within its folder, and the bytes, of every wanted photograph in a shard."""
    try:
        with path.open("rb") as file:
            file.seek(-min(END_MARK_BYTES, path.stat().st_size), io.SEEK_END)
            if file.read() != bytes(END_MARK_BYTES):
                raise tarfile.ReadError("its end is missing")
        with tarfile.TarFile(path) as tar:
            name = key = ""
            for member in tar:
                stem, _, suffix = member.name.partition(".")
                content = tar.extractfile(member)
                if content is None:
                    continue
                if suffix == "json":
                    key, name = stem, json.load(content)["file"]
                elif stem != key:
                    raise tarfile.ReadError(f"{member.name} has no {stem}.json before it")
                elif name in wanted:
                    yield name, content.read()
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise ColorizerError(
            f"{place}: not a shard of `colorizer shard`, or incomplete ({error})"
        ) from error
