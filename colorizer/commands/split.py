"""`colorizer split`: who trains, validates, is shown to people."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from colorizer.commands.options import (
    EXISTING_FOLDER_TYPE,
    FILE_TYPE,
    json_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import print_refused, print_summary, show_progress
from colorizer.errors import ColorizerError
from colorizer.photos.splits import (
    SPLIT_FILE,
    SPLITS,
    Photograph,
    assign_splits,
    find_new_files,
    inspect_files,
    read_split,
    scale_report_count,
    write_split,
)


@click.command()
@click.argument("photos", type=EXISTING_FOLDER_TYPE)
@click.option("--out", type=FILE_TYPE, default=SPLIT_FILE, show_default=True)
@click.option("--val", type=click.FloatRange(0), help="[default: 8400, or 4.2 % of fewer]")
@click.option("--test", type=click.FloatRange(0), help="[default: 1600, or 0.8 % of fewer]")
@seed_option
@quiet_option
@json_option
def split(
    photos: Path,
    out: Path,
    val: float | None,
    test: float | None,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> int:
    """Write or extend split.csv: which photographs train, validate, and are shown to people.

    --val and --test: from 1 on a count, below a fraction; without them as in the source report,
    8400 and 1600 of 200000, or the same shares of fewer. Near-duplicates are kept on one side.
    Rows that are there never change.
    """
    recorded_rows = read_split(out) if out.exists() else []
    new_rows, refused = inspect_folder(photos, recorded_rows, quiet)
    print_refused(refused)
    if not recorded_rows and not new_rows:
        raise ColorizerError(f"{photos}: none of its {len(refused)} photographs can be used")
    colored = sum(not row.gray for row in new_rows)
    vals = scale_report_count("val", colored) if val is None else val
    tests = scale_report_count("test", colored) if test is None else test
    rows = assign_splits(new_rows, recorded_rows, vals, tests, seed)
    if test is None and not recorded_rows and not quiet:
        share = f"the source report's 1600 of 200000, of {colored} in color"
        click.echo(f"test {tests}: {share}; --test N gives more", err=True)
    write_split(out, rows)
    counts = Counter("gray" if row.gray else row.split for row in rows)
    counts_by_split = {name: counts[name] for name in (*SPLITS, "gray")}
    print_summary(
        {**counts_by_split, "new": len(new_rows), "refused": len(refused)}, str(out), quiet, as_json
    )
    return 1 if refused else 0


def inspect_folder(
    photos: Path, recorded_rows: Sequence[Photograph], quiet: bool
) -> tuple[list[Photograph], dict[str, str]]:
    """Rows of a folder's photographs that are not known yet, and the refused with their reasons."""
    folder = photos.resolve()
    files, refused = find_new_files(folder, recorded_rows)
    fresh = []
    for row_or_refusal in show_progress(inspect_files(folder, files), "looking", len(files), quiet):
        if isinstance(row_or_refusal, Photograph):
            fresh.append(row_or_refusal)
        else:
            refused.update([row_or_refusal])
    return fresh, refused
