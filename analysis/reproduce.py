"""The command `python -m analysis.reproduce`, which computes a published study's results again."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from analysis.files import run_command
from analysis.formatting import format_count
from analysis.publication.checksums import PublicationError, verify_files
from analysis.publication.comparison import SOFTWARE, find_difference, without_software
from analysis.publication.page import REPORT_FOLDER
from analysis.publication.writing import REPORT_JSON, compute_report, read_json


@click.command(name="reproduce")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def reproduce(folder: Path) -> None:
    """Check the files of a published study, and compute its report again.

    FOLDER is what `study publish` wrote. All numbers of report.json must be the same as the
    published ones, to 9 digits; the first one that is not is printed, with the versions of the
    software on both sides, and the exit code is 1.
    """
    try:
        count = verify_files(folder)
    except PublicationError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{format_count(count, 'file is', 'files are')} as published")
    published = read_json(folder / REPORT_FOLDER / REPORT_JSON)
    with TemporaryDirectory() as out:
        compute_report(folder, Path(out))
        computed = read_json(Path(out) / REPORT_JSON)
    difference = find_difference(published, computed)
    if difference is None:
        is_identical = without_software(published) == without_software(computed)
        same = "to the last digit" if is_identical else "to 9 digits"
        click.echo(f"the report computed here is the published one, {same}")
        return
    click.echo(
        f"{difference.place} is {difference.computed!r} here, but was published as "
        f"{difference.published!r}\npublished with {_format_software(published)}\n"
        f"computed with  {_format_software(computed)}",
        err=True,
    )
    raise click.exceptions.Exit(1)


def _format_software(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in report[SOFTWARE].items() if version)


if __name__ == "__main__":
    run_command(reproduce)
