"""Write the stimuli of photographs into a folder; finished stimuli are not made again."""

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import torch

from colorizer.errors import UnreadablePhotographError
from colorizer.files import atomic_write
from colorizer.photos.reading import Refusal, read_color_square
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.foils import DonorRing, build_donor_ring, iterate_donors, read_donor_square
from colorizer.stimuli.manifest import SINGLE_SHARD, ManifestRow, Shard
from colorizer.stimuli.rendering import (
    ImagesByMethod,
    Networks,
    StimulusJob,
    StimulusSettings,
    describe_stimulus,
    encode_png,
    make_stimuli,
    stimulus_file,
)


def write_stimuli(
    photographs: Sequence[Photograph],
    settings: StimulusSettings,
    networks: Networks,
    out: Path,
    device: torch.device,
    shard: Shard = SINGLE_SHARD,
) -> Generator[list[ManifestRow] | Refusal, None, None]:
    """Write `out`/METHOD/IMAGE.png for a shard's photographs; yield the manifest rows of each.

    Files of an earlier call with the same settings are kept, so an interrupted batch is resumed.
    A Refusal is yielded for a photograph that is gray or cannot be read. The other photographs in
    the network's batch can change the last bit of a color.
    """
    roots = sorted({photograph.root for photograph in photographs})
    valid_since_ns = {
        method: _settings_timestamp_ns(
            out / f"{method}.json", {**settings.fingerprint(method), "roots": roots}
        )
        for method in settings.methods
    }
    # The ring has all photographs, so that donors do not depend on the number of shards.
    donor_ring = build_donor_ring(photographs, settings.seed)

    def prepare(photograph: Photograph) -> StimulusJob | Refusal | None:
        files = {m: out / stimulus_file(photograph.image, m) for m in settings.methods}
        stale = [m for m in files if not _is_current(files[m], photograph, valid_since_ns[m])]
        try:
            return _read(photograph, stale, donor_ring, settings.size) if stale else None
        except UnreadablePhotographError as error:
            return Refusal(photograph.file, str(error))

    def finish(
        rendered: tuple[Photograph, ImagesByMethod | Refusal],
    ) -> list[ManifestRow] | Refusal:
        photograph, images = rendered
        if isinstance(images, Refusal):
            return images
        for method, pixels in images.items():
            with atomic_write(out / stimulus_file(photograph.image, method)) as temporary:
                temporary.write_bytes(encode_png(pixels))
        files = {m: out / stimulus_file(photograph.image, m) for m in settings.methods}
        return [
            describe_stimulus(
                photograph.image, photograph.split, method, path.read_bytes(), settings
            )
            for method, path in files.items()
        ]

    yield from make_stimuli(shard.select(photographs), prepare, finish, settings, networks, device)


def _read(photograph: Photograph, stale: Sequence[str], ring: DonorRing, size: int) -> StimulusJob:
    square, donor = read_color_square(photograph.path, size), None
    if "foil" in stale:
        donor = read_donor_square(
            iterate_donors(ring, photograph), lambda other: read_color_square(other.path, size)
        )
    return StimulusJob(stale, photograph.image, square, donor)


def _settings_timestamp_ns(path: Path, fingerprint: Mapping[str, object]) -> int:
    """Return the time (mtime, ns) since which a method's files have been made with these settings.

    Changed settings are written to `path`, so the time starts again. The file's own mtime is used
    because the file system's clock may differ from the machine's.
    """
    content = json.dumps(fingerprint)
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        with atomic_write(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return path.stat().st_mtime_ns


def _is_current(png: Path, photograph: Photograph, valid_since_ns: int) -> bool:
    if not png.exists() or not photograph.path.exists():
        return False
    made_ns, source = png.stat().st_mtime_ns, photograph.path.stat()
    # ctime is compared too, because a photograph that was copied later may have an older mtime.
    return made_ns >= valid_since_ns and made_ns > max(source.st_mtime_ns, source.st_ctime_ns)
