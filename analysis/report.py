"""Command: responses -> report.html, report.json, rates.csv, differences.csv and figures."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from analysis.figures import draw_rates, save
from analysis.findings import assemble_report
from analysis.page import render_page
from analysis.published import read_published
from analysis.responses import MODES, ResponsesError
from analysis.sources import read_responses
from analysis.tables import write_differences, write_rates
from analysis.words import tell_rate

MISTAKE, INTERRUPTED = 2, 130  # exit codes
NOTICES = {"live": "", "preview": "PREVIEW", "simulated": "SIMULATED"}


@click.command(name="report")
@click.argument("responses")
@click.option("--study", help="Slug of the study, where there are several.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="Whose trials. Default: live, or simulated where nobody took part yet.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Kept in the report.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write to; an earlier report there is replaced.",
)
def report(responses: str, study: str | None, mode: str | None, seed: int, out: Path) -> None:
    """Fooling rates from RESPONSES, a CSV or a database URL."""
    try:
        lines = make_report(responses, out, study, mode, seed)
    except ResponsesError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; choose another folder with --out"
        raise click.ClickException(reason) from error
    click.echo("\n".join(lines))


def make_report(
    source: str, out: Path, study: str | None = None, mode: str | None = None, seed: int = 0
) -> list[str]:
    """Write the report on a CSV or a database to `out`; return what it says, in a few lines.

    Raises ResponsesError where the input is not fit, OSError where `out` cannot be written.
    """
    published = read_published()
    findings = assemble_report(read_responses(source), published, study, mode, seed)
    methods, taken = findings["methods"], findings["input"]["mode"]
    figure = draw_rates(methods, NOTICES[taken])
    svg = save(figure, "svg")
    numbers = json.dumps(findings, indent=2, ensure_ascii=False, allow_nan=False)
    write_files(
        out,
        {
            "figures/rates.svg": svg,
            "figures/rates.png": save(figure, "png"),
            "rates.csv": write_rates(methods),
            "differences.csv": write_differences(findings["differences"]),
            "report.json": f"{numbers}\n".encode(),
            "report.html": render_page(findings, published, svg).encode(),
        },
    )
    said = [tell_rate(method, rate, taken) for method, rate in methods.items()]
    return [*said, str(out / "report.html")]


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all under temporary names, then rename: a failure leaves what was there before."""
    parts = {folder / name: folder / f"{name}.part" for name in files}
    try:
        for (path, part), content in zip(parts.items(), files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def main() -> None:
    """The command with one line on stderr for a mistake, and 130 for Ctrl-C."""
    try:
        report.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(MISTAKE)
    except click.Abort:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
