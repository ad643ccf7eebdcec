"""Command: responses -> report.html, report.json, tables as CSV and figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from matplotlib.figure import Figure

from analysis.figures.canvas import render_figure
from analysis.figures.figures import (
    draw_differences,
    draw_flow,
    draw_funnel,
    draw_image_rates,
    draw_rates,
    draw_response_times,
)
from analysis.files import atomic_write_files, run_command
from analysis.inputs.design import DesignError, read_design, read_plan
from analysis.inputs.published import read_published_rates
from analysis.inputs.responses import MODES, ResponsesError
from analysis.inputs.sources import read_responses
from analysis.report_data import Asked, Findings, find
from analysis.report_output.csv_files import (
    render_differences_csv,
    render_exclusions_csv,
    render_images_csv,
    render_participants_csv,
    render_rates_csv,
)
from analysis.report_output.galleries import build_galleries, read_stimulus_files
from analysis.report_output.latex import render_latex
from analysis.report_output.page import render_page
from analysis.report_output.sentences import format_rate_sentence

NOTICES = {"live": "", "preview": "PREVIEW", "simulated": "SIMULATED"}
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(name="report")
@click.argument("responses")
@click.option("--study", help="Slug of the study, where there are several.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="Whose trials. Default: live, or simulated where nobody took part yet.",
)
@click.option("--design", type=FILE, help="design.json of `study freeze`: what was fixed before.")
@click.option("--plan", type=FILE, help="Exclusion rules and margin, instead of the design's.")
@click.option("--stimuli", type=FOLDER, help="Folder of `colorizer batch`, to show pictures.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    help="Rates that differ by less count as equal. Default: the plan's, or 0.05.",
)
@click.option("--mixed", is_flag=True, help="Fit the mixed models however many trials there are.")
@click.option(
    "--bootstrap",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="So many resamples, for intervals to set beside the closed-form ones.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the resamples."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write to; an earlier report there is replaced.",
)
def report(
    responses: str,
    out: Path,
    design: Path | None,
    plan: Path | None,
    stimuli: Path | None,
    **options: Any,
) -> None:
    """Fooling rates from RESPONSES, a CSV or a database URL."""
    try:
        frozen = read_design(design) if design else None
        planned = read_plan(plan, frozen.protocol if frozen else None) if plan else None
        asked = Asked(design=frozen, plan=planned, **options)
        lines = make_report(responses, out, asked, stimuli)
    except (ResponsesError, DesignError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; choose another folder with --out"
        raise click.ClickException(reason) from error
    click.echo("\n".join(lines))


def make_report(
    source: str, out: Path, asked: Asked | None = None, stimuli: Path | None = None
) -> list[str]:
    """Write the report on a CSV or a database to `out`; return what it says, in a few lines.

    stimuli: the folder whose pictures are shown. Raises ResponsesError where the input is not fit,
    OSError where `out` cannot be written.
    """
    published, pictures = read_published_rates(), read_stimulus_files(stimuli)
    findings = find(read_responses(source), published, asked or Asked())
    told = findings.report
    figures = draw_figures(findings)
    notice = NOTICES[told["input"]["mode"]]
    drawn = {
        f"figures/{key}.{kind}": render_figure(figure, kind, notice)
        for key, figure in figures.items()
        for kind in ("svg", "png")
    }
    drawings = {key: drawn[f"figures/{key}.svg"] for key in figures}
    numbers = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    page = render_page(told, published, drawings, build_galleries(told, pictures))
    atomic_write_files(
        out,
        {
            **drawn,
            "rates.csv": render_rates_csv(told["methods"]),
            "differences.csv": render_differences_csv(told["differences"]),
            "participants.csv": render_participants_csv(told, findings.people),
            "images.csv": render_images_csv(told["images"]),
            "exclusions.csv": render_exclusions_csv(told),
            "tables.tex": render_latex(told),
            "report.json": f"{numbers}\n".encode(),
            "report.html": page.encode(),
        },
    )
    said = [format_rate_sentence(method, told) for method in told["methods"]]
    return [*said, str(out / "report.html")]


def draw_figures(findings: Findings) -> dict[str, Figure]:
    """By name; those that there is something to draw for."""
    told = findings.report
    methods, pairs, times = told["methods"], told["differences"], told["rt"]
    ranked = [image for image in told["images"] if image["shrunk_rate"] is not None]
    figures: dict[str, tuple[object, Callable[[], Figure]]] = {
        "rates": (methods, lambda: draw_rates(methods, told["input"]["single"])),
        "differences": (pairs, lambda: draw_differences(pairs)),
        "images": (ranked, lambda: draw_image_rates(ranked, methods)),
        "people": (findings.people, lambda: draw_funnel(findings.people)),
        "times": ([row for row in times if row["trials"]], lambda: draw_response_times(times)),
        "flow": (True, lambda: draw_flow(told["exclusions"]["flow"])),
    }
    return {key: draw() for key, (something, draw) in figures.items() if something}


if __name__ == "__main__":
    run_command(report)
