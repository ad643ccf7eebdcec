"""`colorizer batch`: stimuli and manifest.csv."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
import torch
from torch import distributed

from colorizer.commands.options import (
    EXISTING_FOLDER_TYPE,
    FOLDER_TYPE,
    device_option,
    find_and_print_models,
    json_option,
    methods_option,
    models_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import (
    print_near_duplicates,
    print_refused,
    print_summary,
    show_progress,
)
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import load_colorizer, short_sha256
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.photos.reading import Refusal
from colorizer.photos.selection import collect_photographs, leave_out_near_duplicates
from colorizer.photos.splits import (
    SPLITS,
)
from colorizer.stimuli.batch import (
    STIMULUS_METHODS,
    LoadedModel,
    StimulusSettings,
    fastest_dtype,
    write_stimuli,
)
from colorizer.stimuli.manifest import (
    SINGLE_SHARD,
    ManifestRow,
    Shard,
    clear_manifest,
    write_manifest,
)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def parse_shard(_: click.Context, __: click.Parameter, text: str | None) -> Shard:
    """Of `2/4`; without it the rank that `torchrun` gave, else everything."""
    if text is None:
        return Shard(int(os.environ.get("RANK", "0")) + 1, int(os.environ.get("WORLD_SIZE", "1")))
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise click.UsageError(f"--shard: {text!r} should be as in 2/4")
    if not 1 <= int(number) <= int(count):
        raise click.UsageError(f"--shard: {text!r} should be one of 1/{count} to {count}/{count}")
    return Shard(int(number), int(count))


@click.command()
@click.option(
    "--split", "split_name", type=click.Choice(SPLITS), help="Of data/split.csv. [default: test]"
)
@click.option("--photos", type=EXISTING_FOLDER_TYPE, help="Instead of a split: a folder.")
@click.option("--out", type=FOLDER_TYPE, default=Path("outputs"), show_default=True)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Pixels.")
@click.option(
    "--shard",
    callback=parse_shard,
    help="I/N: this process's part, of 1/N to N/N; who ends last joins the manifest. "
    "[default: the rank under torchrun, else 1/1]",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", *DTYPES]),
    default="auto",
    show_default=True,
    help="Of the networks; auto: bfloat16 where the device has it.",
)
@methods_option(STIMULUS_METHODS, default="real,l2,mcl,foil")
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
    methods: Sequence[str],
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make stimuli of every photograph, and manifest.csv for `study import`.

    Each is a square: the middle of the photograph. Of near-duplicates in the split only the first
    is shown. A batch that was stopped goes on. Under torchrun photographs that are refused are
    told, but do not change the exit code.
    """
    if split_name is not None and photos is not None:
        raise ColorizerError("give --split or --photos, not both")
    files = find_and_print_models(methods, models, quiet)
    dtype = DTYPES.get(precision) or fastest_dtype(device)
    loaded = {
        objective: LoadedModel(
            fuse_for_cpu(load_colorizer(path, device), dtype), short_sha256(path)
        )
        for objective, path in files.items()
    }
    candidates, refused_names = collect_photographs(split_name or "test", photos)
    photographs, left_out = leave_out_near_duplicates(candidates)
    refused = refused_names if shard.number == 1 else {}
    if shard.number == 1 and not quiet:
        print_near_duplicates(left_out)
    clear_manifest(out, shard)
    results = write_stimuli(
        photographs, StimulusSettings(methods, loaded, size, seed, dtype), out, device, shard
    )
    stimuli: list[ManifestRow] = []
    for result in show_progress(results, "coloring", len(shard.select(photographs)), quiet):
        if isinstance(result, Refusal):
            refused.update([result])
        else:
            stimuli.extend(result)
    print_refused(refused)
    if not stimuli and shard == SINGLE_SHARD:
        raise ColorizerError("no stimuli: none of the photographs could be used")
    manifest = write_manifest(out, stimuli, shard)
    summary = {"images": len(stimuli) // len(methods), "stimuli": len(stimuli)}
    print_summary({**summary, "refused": len(refused)}, str(manifest), quiet, as_json)
    if distributed.is_torchelastic_launched():
        return 0  # torchrun ends all processes as soon as one ends with another code
    return 1 if refused else 0
