"""The command `colorizer split`, which assigns photographs to training, validation and test."""

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
from colorizer.commands.terminal import (
    print_other_files,
    print_refused,
    print_summary,
    show_progress,
)
from colorizer.errors import ColorizerError
from colorizer.splits.assignment import (
    InspectedPhotograph,
    assign_splits,
    find_new_files,
    inspect_files,
    scale_report_count,
)
from colorizer.splits.split_file import SPLIT_FILE, SPLITS, Photograph, read_split, write_split


@click.command()
@click.argument("photos", type=EXISTING_FOLDER_TYPE)
@click.option("--out", type=FILE_TYPE, default=SPLIT_FILE, show_default=True, help="Output file.")
@click.option(
    "--val",
    type=click.FloatRange(0),
    help="Validation photographs. [default: 8400 or 4.2%, whichever is fewer]",
)
@click.option(
    "--test",
    type=click.FloatRange(0),
    help="Test photographs. [default: 1600 or 0.8%, whichever is fewer]",
)
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
    """Split photographs into training, validation and test; write or extend split.csv.

    --val and --test are counts (1 or more) or fractions (below 1). The defaults are those of the
    source report: 8400 and 1600 of 200000, or the same fractions. Near-duplicates stay in the same
    split. Gray photographs and those with a single hue, such as sepia prints, are not assigned to
    any split. Existing rows never change.
    """
    recorded_rows = read_split(out) if out.exists() else []
    inspected, refused = inspect_folder(photos, recorded_rows, quiet)
    new_rows = [photograph.row for photograph in inspected]
    if not quiet:
        print_other_files(photos)
    print_refused(refused)
    if not recorded_rows and not new_rows:
        raise ColorizerError(f"{photos}: no photograph can be used; {len(refused)} refused")
    color_count = sum(not row.gray for row in new_rows)
    vals = scale_report_count("val", color_count) if val is None else val
    tests = scale_report_count("test", color_count) if test is None else test
    rows = assign_splits(new_rows, recorded_rows, vals, tests, seed)
    if test is None and not recorded_rows and not quiet:
        share = "in proportion to the source report (1600 of 200000)"
        source = f"{share}, for {color_count} color photographs"
        click.echo(f"test {tests}: {source}; for more, use --test N", err=True)
    write_split(out, rows)
    counts = Counter("gray" if row.gray else row.split for row in rows)
    counts_by_split = {name: counts[name] for name in (*SPLITS, "gray")}
    changes = {
        "new": len(new_rows),
        "new_one_hue": sum(photograph.one_hue for photograph in inspected),
        "refused": len(refused),
    }
    print_summary(counts_by_split | changes, str(out), quiet, as_json)
    return 1 if refused else 0


def inspect_folder(
    photos: Path, recorded_rows: Sequence[Photograph], quiet: bool
) -> tuple[list[InspectedPhotograph], dict[str, str]]:
    """Inspect the photographs of a folder that have no recorded row yet.

    Also returns the refused files with the reasons.
    """
    folder = photos.resolve()
    files, refused = find_new_files(folder, recorded_rows)
    photographs = []
    inspected = inspect_files(folder, files)
    for result in show_progress(inspected, "inspecting", len(files), quiet):
        if isinstance(result, InspectedPhotograph):
            photographs.append(result)
        else:
            refused.update([result])
    return photographs, refused
