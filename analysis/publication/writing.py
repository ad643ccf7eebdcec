"""The command `python -m analysis.publication.writing`, which `study publish` runs.

It writes the report of a published study, its page, and a copy of the analysis into the folder.
"""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from analysis.files import atomic_write_files, run_command
from analysis.findings.report_data import REPORTED_LIBRARIES
from analysis.publication.page import REPORT_FOLDER, STIMULI_FOLDER, render_publication_page
from analysis.publication.software import copy_software
from analysis.report import report

REPORT_JSON, PAGE, CONSTRAINTS_FILE = "report.json", "index.html", "constraints.txt"
SOFTWARE_FOLDER = "software"
DESCRIPTION_FILE, DESIGN_FILE = "dataset_description.json", "materials/design.json"


@click.command(name="writing")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def write_publication(folder: Path) -> None:
    """Write the report and the page of the published study in FOLDER, and the code for them."""
    compute_report(folder, folder / REPORT_FOLDER)
    numbers = read_json(folder / REPORT_FOLDER / REPORT_JSON)
    page = render_publication_page(folder, numbers, read_json(folder / DESCRIPTION_FILE))
    constraints = format_constraints(numbers["software"])
    atomic_write_files(folder, {PAGE: page.encode(), CONSTRAINTS_FILE: constraints.encode()})
    copy_software(folder / SOFTWARE_FOLDER)


def compute_report(folder: Path, out: Path) -> None:
    """Write the report on the published answers to the folder `out`.

    Raises ClickException if they cannot be analyzed.
    """
    responses = next(folder.glob("data/study-*_description-responses_data.csv"), None)
    if responses is None:
        raise click.ClickException(f"{folder}: no data/study-*_description-responses_data.csv")
    design = f"--design={folder / DESIGN_FILE}"
    stimuli = f"--stimuli={folder / STIMULI_FOLDER}"
    with redirect_stdout(io.StringIO()):
        report.main([str(responses), design, stimuli, f"--out={out}"], standalone_mode=False)


def format_constraints(software: dict[str, str | None]) -> str:
    """Return pip's constraints of the libraries that the numbers depend on."""
    libraries = [name for name in REPORTED_LIBRARIES if name != "hue-and-eye"]
    return "".join(f"{library}=={software[library]}\n" for library in libraries)


def read_json(file: Path) -> dict[str, Any]:
    """Return the contents of a JSON file."""
    contents: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return contents


if __name__ == "__main__":
    run_command(write_publication)
