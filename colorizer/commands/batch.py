"""The command `colorizer batch`, which creates stimuli and manifest.csv."""

import os
from pathlib import Path

import click
import torch
from torch import distributed

from colorizer.commands.options import (
    FOLDER_TYPE,
    device_option,
    find_and_print_models,
    json_option,
    methods_and_files_option,
    models_option,
    photos_option,
    quiet_option,
    seed_option,
    size_option,
    split_option,
)
from colorizer.commands.terminal import (
    print_near_duplicates,
    print_other_files,
    print_refused,
    print_summary,
    show_progress,
)
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import short_sha256
from colorizer.onnx_files.loading import load_networks
from colorizer.photos.folders import require_separate
from colorizer.photos.reading import Refusal
from colorizer.photos.selection import collect_photographs, leave_out_near_duplicates
from colorizer.stimuli.batch import write_stimuli
from colorizer.stimuli.manifest import (
    SINGLE_SHARD,
    ManifestRow,
    Shard,
    clear_manifest,
    write_manifest,
)
from colorizer.stimuli.rendering import STIMULUS_METHODS, StimulusSettings, fastest_dtype

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def parse_shard(_: click.Context, __: click.Parameter, text: str | None) -> Shard:
    """Parse I/N; without a value, use the rank under `torchrun`, else a single shard."""
    if text is None:
        return Shard(int(os.environ.get("RANK", "0")) + 1, int(os.environ.get("WORLD_SIZE", "1")))
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise click.UsageError(f"--shard: {text!r} is not I/N, such as 2/4")
    if not 1 <= int(number) <= int(count):
        raise click.UsageError(f"--shard: {text!r} must be between 1/{count} and {count}/{count}")
    return Shard(int(number), int(count))


@click.command()
@split_option
@photos_option
@click.option(
    "--out", type=FOLDER_TYPE, default=Path("outputs"), show_default=True, help="Output folder."
)
@size_option
@click.option(
    "--shard",
    callback=parse_shard,
    metavar="I/N",
    help="Process part I of N; the last process to finish writes the manifest. "
    "[default: the rank under torchrun, else 1/1]",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", *DTYPES]),
    default="auto",
    show_default=True,
    help="Precision of the networks; auto: bfloat16 if the device supports it.",
)
@methods_and_files_option(STIMULUS_METHODS, default="real,l2,mcl,foil")
@models_option
@seed_option
@device_option
@quiet_option
@json_option
def batch(
    split_name: str | None,
    photos: Path | None,
    out: Path,
    size: int,
    shard: Shard,
    precision: str,
    methods: dict[str, Path | None],
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Create stimuli from photographs, and manifest.csv for `study import`.

    Each stimulus is the central square of a photograph. Of near-duplicates in the split, only the
    first is used. An interrupted batch is resumed. Under torchrun, refused photographs are reported
    but do not change the exit status.
    """
    if split_name is not None and photos is not None:
        raise ColorizerError("use either --split or --photos, not both")
    files = find_and_print_models(list(methods), models, quiet)
    files |= {name: path for name, path in methods.items() if path is not None}
    candidates, refused_names = collect_photographs(split_name or "test", photos)
    for root in sorted({photograph.root for photograph in candidates}):
        require_separate(out, Path(root))
    dtype = DTYPES.get(precision) or fastest_dtype(device)
    networks = load_networks(files, device, dtype)
    checkpoints = {name: short_sha256(path) for name, path in files.items()}
    settings = StimulusSettings(list(methods), checkpoints, size, seed, dtype)
    photographs, left_out = leave_out_near_duplicates(candidates)
    refused = refused_names if shard.number == 1 else {}
    if shard.number == 1 and not quiet:
        print_near_duplicates(left_out)
        if photos is not None:
            print_other_files(photos)
    clear_manifest(out, shard)
    results = write_stimuli(photographs, settings, networks, out, device, shard)
    stimuli: list[ManifestRow] = []
    for result in show_progress(results, "colorizing", len(shard.select(photographs)), quiet):
        if isinstance(result, Refusal):
            refused.update([result])
        else:
            stimuli.extend(result)
    print_refused(refused)
    if not stimuli and shard == SINGLE_SHARD:
        raise ColorizerError("no stimuli: none of the photographs can be used")
    manifest = write_manifest(out, stimuli, shard)
    summary = {"images": len(stimuli) // len(methods), "stimuli": len(stimuli)}
    print_summary({**summary, "refused": len(refused)}, str(manifest), quiet, as_json)
    if distributed.is_torchelastic_launched():
        return 0  # torchrun stops all processes as soon as one exits with another status
    return 1 if refused else 0
