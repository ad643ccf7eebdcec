"""`colorizer split`: who trains, validates, is shown to people."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from colorizer.errors import Mistake
from colorizer.options import (
    EXISTING_FOLDER,
    FILE,
    SPLIT_FILE,
    json_option,
    quiet_option,
    seed_option,
)
from colorizer.screen import tell, tell_refused, tracked
from colorizer.splits import (
    SPLITS,
    Photograph,
    assign,
    look_at,
    new_files,
    read_split,
    write_split,
)


@click.command()
@click.argument("photos", type=EXISTING_FOLDER)
@click.option("--out", type=FILE, default=SPLIT_FILE, show_default=True)
@click.option("--val", type=click.FloatRange(0), default=0.05, show_default=True)
@click.option("--test", type=click.FloatRange(0), default=1600, show_default=True)
@seed_option
@quiet_option
@json_option
def split(
    photos: Path, out: Path, val: float, test: float, seed: int, quiet: bool, as_json: bool
) -> int:
    """Write or extend split.csv: which photographs train, validate, and are shown to people.

    --val and --test: from 1 on a count, below a fraction. Rows that are there never change.
    """
    known = read_split(out) if out.exists() else []
    fresh, refused = look_through(photos, known, quiet)
    tell_refused(refused)
    if not known and not fresh:
        raise Mistake(f"{photos}: none of its {len(refused)} photographs can be used")
    rows = assign(fresh, known, val, test, seed)
    write_split(out, rows)
    counts = Counter("gray" if row.gray else row.split for row in rows)
    counted = {name: counts[name] for name in (*SPLITS, "gray")}
    tell({**counted, "new": len(fresh), "refused": len(refused)}, str(out), quiet, as_json)
    return 1 if refused else 0


def look_through(
    photos: Path, known: Sequence[Photograph], quiet: bool
) -> tuple[list[Photograph], dict[str, str]]:
    """Rows of a folder's photographs that are not known yet, and the refused with their reasons."""
    folder = photos.resolve()
    files, refused = new_files(folder, known)
    fresh = []
    for seen in tracked(look_at(folder, files), "looking", len(files), quiet):
        if isinstance(seen, Photograph):
            fresh.append(seen)
        else:
            refused.update([seen])
    return fresh, refused
