"""The command `colorizer shard`, which packs photographs into tar files."""

from pathlib import Path

import click

from colorizer.commands.options import EXISTING_FOLDER_TYPE, json_option, quiet_option
from colorizer.commands.terminal import print_other_files, print_summary, show_progress
from colorizer.object_storage import is_url
from colorizer.photos.folders import find_photographs, no_photographs_error, require_separate
from colorizer.photos.shards import plan_shards, write_shards

MEGABYTE = 1_000_000


@click.command()
@click.argument("photos", type=EXISTING_FOLDER_TYPE)
@click.option(
    "--out", required=True, metavar="FOLDER|URL", help="Where to write, such as s3://bucket/photos."
)
@click.option(
    "--megabytes",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Size of a shard; a larger photograph has a shard of its own.",
)
@quiet_option
@json_option
def shard(photos: Path, out: str, megabytes: int, quiet: bool, as_json: bool) -> int:
    """Pack photographs into tar files of equal size, for `colorizer train --shards`.

    The layout is WebDataset's. Each tar file appears only when it is complete; an interrupted
    command continues with the first missing or outdated one. The same photographs always give the
    same bytes.
    """
    folder = photos.resolve()
    if not is_url(out):
        require_separate(Path(out), folder)
    files = find_photographs(folder)
    if not files:
        raise no_photographs_error(photos)
    if not quiet:
        print_other_files(photos)
    plans = plan_shards(files, megabytes * MEGABYTE)
    written = sum(show_progress(write_shards(folder, plans, out), "packing", len(plans), quiet))
    summary = {"photographs": len(files), "shards": len(plans), "written": written}
    print_summary(summary, out, quiet, as_json)
    return 0
