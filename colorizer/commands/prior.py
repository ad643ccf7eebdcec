"""The command `colorizer prior`, which estimates color frequencies and loss weights."""

from pathlib import Path

import click
import torch

from colorizer.color.bins import bin_centers
from colorizer.color.prior import UNIFORM_SHARE, write_prior
from colorizer.commands.options import (
    FILE_TYPE,
    PRIOR_FILE,
    device_option,
    json_option,
    quiet_option,
)
from colorizer.commands.terminal import print_refused, print_summary, show_progress
from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.splits.split_file import SPLIT_FILE, read_split, select_split
from colorizer.training.prior import count_target_colors, estimate_prior


@click.command()
@click.option(
    "--split",
    "split_file",
    type=FILE_TYPE,
    default=SPLIT_FILE,
    show_default=True,
    help="File that `colorizer split` wrote.",
)
@click.option("--out", type=FILE_TYPE, default=PRIOR_FILE, show_default=True, help="Output file.")
@click.option(
    "--lambda",
    "mixing",
    type=click.FloatRange(0, 1),
    default=UNIFORM_SHARE,
    show_default=True,
    help="Mixing weight of the uniform distribution: 1 gives all colors the same weight, "
    "0 weights them by rarity.",
)
@device_option
@quiet_option
@json_option
def prior(
    split_file: Path, out: Path, mixing: float, device: torch.device, quiet: bool, as_json: bool
) -> int:
    """Estimate how common each color is in the training split, and its weight in the loss."""
    photographs = select_split(read_split(split_file), "train")
    count_iterator = show_progress(
        count_target_colors(photographs, device), "counting", len(photographs), quiet
    )
    counts, refused = torch.zeros((), dtype=torch.int64, device=device), {}
    for photograph, counts_or_error in zip(photographs, count_iterator, strict=True):
        if isinstance(counts_or_error, UnreadablePhotographError):
            refused[photograph.file] = str(counts_or_error)
        else:
            counts = counts + counts_or_error
    print_refused(refused)
    if len(refused) == len(photographs):
        raise ColorizerError(f"{split_file}: none of the training photographs can be read")
    estimated = estimate_prior(counts.cpu(), len(photographs) - len(refused), mixing)
    write_prior(out, estimated)
    gray = (bin_centers() == 0).all(dim=1)
    summary = {
        "photographs": estimated.photograph_count,
        "p_gray": float(estimated.probability[gray]),
        "weight_min": float(estimated.weight.min()),
        "weight_median": float(estimated.weight.median()),
        "weight_max": float(estimated.weight.max()),
    }
    print_summary({**summary, "refused": len(refused)}, str(out), quiet, as_json)
    return 1 if refused else 0
