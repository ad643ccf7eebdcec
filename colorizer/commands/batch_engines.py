"""The two engines of `colorizer batch`: this process, and Ray."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from colorizer.commands.terminal import print_kinds, print_other_files, show_progress
from colorizer.errors import ColorizerError
from colorizer.object_storage import join
from colorizer.photos.reading import Refusal
from colorizer.splits.selection import collect_photographs, collect_stored_photographs
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.batch import write_stimuli
from colorizer.stimuli.manifest import (
    MANIFEST_FILE,
    SINGLE_SHARD,
    ManifestRow,
    Shard,
    clear_manifest,
    write_manifest,
)
from colorizer.stimuli.rendering import Networks, StimulusSettings


class Made(NamedTuple):
    """The number of photographs with stimuli, the refused ones, and the path of the manifest."""

    images: int
    refused: list[Refusal]
    manifest: str


def require_suitable(
    engine: str, photos: Path | str | None, out: Path | str, shard: Shard, address: str | None
) -> None:
    """Raise ColorizerError if the engine cannot do what the other options say."""
    if engine == "ray":
        if shard != SINGLE_SHARD:
            raise ColorizerError(
                "--shard: --engine ray divides the photographs itself; leave it out"
            )
        return
    for option, place in (("--photos", photos), ("--out", out)):
        if isinstance(place, str):
            raise ColorizerError(f"{option} {place}: URLs need --engine ray")
    if address is not None:
        raise ColorizerError("--address needs --engine ray")


def collect(
    split_name: str, photos: Path | str | None, prints: bool
) -> tuple[Sequence[Photograph], dict[str, str]]:
    """Return the photographs, and the files that are refused because of their names.

    prints: print how many files are of other kinds.
    """
    if isinstance(photos, str):
        stored = collect_stored_photographs(photos.rstrip("/"))
        if prints:
            print_kinds(photos, stored.others)
        return stored.photographs, stored.refused
    if photos is not None and prints:
        print_other_files(photos)
    return collect_photographs(split_name, photos)


def make_here(
    photographs: Sequence[Photograph],
    settings: StimulusSettings,
    networks: Networks,
    out: Path,
    device: torch.device,
    shard: Shard,
    quiet: bool,
) -> Made:
    """Make the stimuli of a shard in this process."""
    clear_manifest(out, shard)
    results = write_stimuli(photographs, settings, networks, out, device, shard)
    refused: list[Refusal] = []
    stimuli: list[ManifestRow] = []
    for result in show_progress(results, "colorizing", len(shard.select(photographs)), quiet):
        if isinstance(result, Refusal):
            refused.append(result)
        else:
            stimuli.extend(result)
    if not stimuli and shard == SINGLE_SHARD:
        return Made(0, refused, "")
    manifest = write_manifest(out, stimuli, shard)
    return Made(len(stimuli) // len(settings.methods), refused, str(manifest))


def make_on_ray(
    photographs: Sequence[Photograph],
    settings: StimulusSettings,
    files: Mapping[str, Path],
    out: Path | str,
    device: torch.device,
    address: str | None,
    quiet: bool,
) -> Made:
    """Make the stimuli on a Ray cluster; raises ColorizerError if Ray is not installed."""
    try:
        from colorizer.cluster.batch import ClusterBatch
        from colorizer.cluster.ray_engine import make_parts, start_ray
    except ModuleNotFoundError as error:
        raise ColorizerError(
            f"--engine ray needs {error.name}; run `pip install 'hue-and-eye[colorizer,ray]'`"
        ) from error
    place = str(out.resolve()) if isinstance(out, Path) else out.rstrip("/")
    batch = ClusterBatch(photographs, settings, place, device)
    engine = partial(make_parts, setup=batch.setup, model_files=files)
    with start_ray(address):
        for _ in show_progress(batch.make(engine), "colorizing", len(photographs), quiet):
            pass
    images, refused = batch.write_manifest()
    return Made(images, refused, join(str(out), MANIFEST_FILE))
