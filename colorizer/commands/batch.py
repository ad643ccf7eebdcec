"""`colorizer batch`: stimuli and manifest.csv."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import torch

from colorizer.batch import Model, Recipe, Refusal, Stimulus, write_manifest, write_stimuli
from colorizer.checkpoint import load_colorizer, short_sha256
from colorizer.commands.split import look_through
from colorizer.errors import Mistake
from colorizer.options import (
    EXISTING_FOLDER,
    FOLDER,
    RUNS,
    SPLIT_FILE,
    describe_models,
    device_option,
    find_models,
    json_option,
    methods_option,
    models_option,
    quiet_option,
    seed_option,
)
from colorizer.screen import tell, tell_refused, tracked
from colorizer.splits import (
    SPLITS,
    Photograph,
    members,
    read_split,
)


@click.command()
@click.option("--split", "side", type=click.Choice(SPLITS), help="Photographs of split.csv.")
@click.option("--photos", type=EXISTING_FOLDER, help="Instead of a split: a folder.")
@click.option("--out", type=FOLDER, default=Path("outputs"), show_default=True)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Pixels.")
@methods_option
@models_option
@seed_option
@device_option
@quiet_option
@json_option
def batch(
    side: str | None,
    photos: Path | None,
    out: Path,
    size: int,
    methods: Sequence[str],
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make stimuli of every photograph, and manifest.csv for `study import`."""
    if (side is None) == (photos is None):
        raise Mistake("give either --split test or --photos FOLDER")
    files = find_models(methods, models, RUNS)
    for line in describe_models(files) if not quiet else ():
        click.echo(line, err=True)
    loaded = {
        objective: Model(load_colorizer(path, device), short_sha256(path))
        for objective, path in files.items()
    }
    photographs, refused = gather(side, photos, quiet)
    made = write_stimuli(photographs, Recipe(methods, loaded, size, seed), out, device)
    stimuli: list[Stimulus] = []
    for result in tracked(made, "coloring", len(photographs), quiet):
        if isinstance(result, Refusal):
            refused.update([result])
        else:
            stimuli.extend(result)
    tell_refused(refused)
    if not stimuli:
        raise Mistake("no stimuli: none of the photographs could be used")
    write_manifest(out / "manifest.csv", stimuli)
    told = {"images": len(stimuli) // len(methods), "stimuli": len(stimuli)}
    tell({**told, "refused": len(refused)}, str(out / "manifest.csv"), quiet, as_json)
    return 1 if refused else 0


def gather(
    side: str | None, photos: Path | None, quiet: bool
) -> tuple[Sequence[Photograph], dict[str, str]]:
    """The photographs to color, and the refused with their reasons."""
    if photos is None:
        return members(read_split(SPLIT_FILE), str(side)), {}
    seen, refused = look_through(photos, [], quiet)
    refused |= {row.file: "gray; there are no colors to fake" for row in seen if row.gray}
    known = {row.path: row.split for row in read_split(SPLIT_FILE)} if SPLIT_FILE.exists() else {}
    colored = (row for row in seen if not row.gray)
    return [replace(row, split=known.get(row.path, "test")) for row in colored], refused
