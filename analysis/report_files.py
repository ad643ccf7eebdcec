"""Write the files of a report on trials with right answers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from analysis.figures.canvas import render_figure
from analysis.figures.exposures import draw_exposures
from analysis.figures.figures import (
    draw_differences,
    draw_flow,
    draw_funnel,
    draw_image_rates,
    draw_rates,
    draw_response_times,
)
from analysis.files import atomic_write_files
from analysis.findings.report_data import Findings, ReportOptions, assemble_findings
from analysis.inputs.published import PublishedRate, read_published_rates
from analysis.inputs.responses import Responses
from analysis.report_output.csv_files import (
    render_differences_csv,
    render_exclusions_csv,
    render_images_csv,
    render_participants_csv,
    render_rates_csv,
)
from analysis.report_output.galleries import StimulusFiles, build_galleries, read_stimulus_files
from analysis.report_output.latex import render_latex
from analysis.report_output.page import render_page
from analysis.report_output.sentences import format_rate_sentence
from analysis.report_output.shared.csv_files import render_shared_csv_files

MODE_NOTICES = {"live": "", "preview": "PREVIEW", "simulated": "SIMULATED"}


def make_report(
    responses: Responses,
    out: Path,
    options: ReportOptions | None = None,
    stimuli: Path | None = None,
) -> list[str]:
    """Write the report on the responses to the folder `out`; return its findings as a few lines.

    stimuli: the folder of the images that the report shows. Raises ResponsesError if the responses
    cannot be analyzed, OSError if `out` cannot be written.
    """
    published, stimulus_files = read_published_rates(), read_stimulus_files(stimuli)
    findings = assemble_findings(responses, published, options or ReportOptions())
    return write_findings(findings, out, published, stimulus_files)


def write_findings(
    findings: Findings,
    out: Path,
    published: Sequence[PublishedRate],
    stimulus_files: StimulusFiles,
) -> list[str]:
    """Write the files of a report to the folder `out`; return its findings as a few lines."""
    report_json = findings.report
    figures = draw_figures(findings)
    notice = MODE_NOTICES[report_json["input"]["mode"]]
    figure_files = {
        f"figures/{key}.{kind}": render_figure(figure, kind, notice)
        for key, figure in figures.items()
        for kind in ("svg", "png")
    }
    svgs = {key: figure_files[f"figures/{key}.svg"] for key in figures}
    numbers = json.dumps(report_json, indent=2, ensure_ascii=False, allow_nan=False)
    page = render_page(report_json, published, svgs, build_galleries(report_json, stimulus_files))
    atomic_write_files(
        out,
        {
            **figure_files,
            **render_shared_csv_files(report_json),
            "rates.csv": render_rates_csv(report_json["methods"]),
            "differences.csv": render_differences_csv(report_json["differences"]),
            "participants.csv": render_participants_csv(report_json, findings.funnels),
            "images.csv": render_images_csv(report_json["images"]),
            "exclusions.csv": render_exclusions_csv(report_json),
            "tables.tex": render_latex(report_json),
            "report.json": f"{numbers}\n".encode(),
            "report.html": page.encode(),
        },
    )
    lines = [format_rate_sentence(method, report_json) for method in report_json["methods"]]
    return [*lines, str(out / "report.html")]


def draw_figures(findings: Findings) -> dict[str, Figure]:
    """Draw the figures that have data; return them by name."""
    report_json = findings.report
    methods, pairs, times = report_json["methods"], report_json["differences"], report_json["rt"]
    by_exposure = report_json["by_exposure"]
    ranked = [image for image in report_json["images"] if image["shrunk_rate"] is not None]
    figures: dict[str, tuple[object, Callable[[], Figure]]] = {
        "rates": (methods, lambda: draw_rates(methods, report_json["input"]["single"])),
        "differences": (pairs, lambda: draw_differences(pairs)),
        "exposures": (by_exposure, lambda: draw_exposures(by_exposure)),
        "images": (ranked, lambda: draw_image_rates(ranked, methods)),
        "people": (findings.funnels, lambda: draw_funnel(findings.funnels)),
        "times": ([row for row in times if row["trials"]], lambda: draw_response_times(times)),
        "flow": (True, lambda: draw_flow(report_json["exclusions"]["flow"])),
    }
    return {key: draw() for key, (data, draw) in figures.items() if data}
