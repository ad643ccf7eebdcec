"""The command `colorizer batch`, which creates stimuli and manifest.csv."""

import os
from pathlib import Path

import click
import torch
from torch import distributed

from colorizer.commands.batch_engines import collect, make_here, make_on_ray, require_suitable
from colorizer.commands.options import (
    FolderOrUrl,
    device_option,
    find_and_print_models,
    json_option,
    methods_and_files_option,
    models_option,
    quiet_option,
    seed_option,
    size_option,
    split_option,
)
from colorizer.commands.terminal import print_near_duplicates, print_refused, print_summary
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import short_sha256
from colorizer.object_storage import is_url
from colorizer.onnx_files.loading import load_networks
from colorizer.photos.folders import require_separate
from colorizer.splits.selection import leave_out_near_duplicates
from colorizer.stimuli.manifest import SINGLE_SHARD, Shard
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
@click.option(
    "--photos",
    type=FolderOrUrl(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER|URL",
    help="Photographs in this folder, instead of a split.",
)
@click.option(
    "--out",
    type=FolderOrUrl(path_type=Path, file_okay=False),
    default=Path("outputs"),
    show_default=True,
    metavar="FOLDER|URL",
    help="Output folder.",
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
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray: on a Ray cluster; takes URLs for --photos and --out, such as s3://bucket/prefix.",
)
@click.option(
    "--address",
    metavar="auto|HOST:PORT",
    help="The Ray cluster; auto: the one that runs on this machine. "
    "[default: start Ray on this machine alone]",
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
    photos: Path | str | None,
    out: Path | str,
    size: int,
    shard: Shard,
    engine: str,
    address: str | None,
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
    require_suitable(engine, photos, out, shard, address)
    files = find_and_print_models(list(methods), models, quiet)
    files |= {name: path for name, path in methods.items() if path is not None}
    is_first = shard.number == 1
    candidates, refused_names = collect(split_name or "test", photos, is_first and not quiet)
    for root in sorted({photograph.root for photograph in candidates}):
        if isinstance(out, Path) and not is_url(root):
            require_separate(out, Path(root))
    dtype = DTYPES.get(precision) or fastest_dtype(device)
    networks = load_networks(files, device, dtype)  # also on Ray, to refuse bad files at once
    checkpoints = {name: short_sha256(path) for name, path in files.items()}
    settings = StimulusSettings(list(methods), checkpoints, size, seed, dtype)
    photographs, left_out = leave_out_near_duplicates(candidates)
    if is_first and not quiet:
        print_near_duplicates(left_out)
    if engine == "ray":
        made = make_on_ray(photographs, settings, files, out, device, address, quiet)
    else:
        made = make_here(photographs, settings, networks, Path(out), device, shard, quiet)
    refused = (refused_names if is_first else {}) | dict(made.refused)
    print_refused(refused)
    if not made.images and shard == SINGLE_SHARD:
        raise ColorizerError("no stimuli: none of the photographs can be used")
    summary = {"images": made.images, "stimuli": made.images * len(methods)}
    print_summary({**summary, "refused": len(refused)}, made.manifest, quiet, as_json)
    if distributed.is_torchelastic_launched():
        return 0  # torchrun stops all processes as soon as one exits with another status
    return 1 if refused else 0
