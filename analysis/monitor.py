"""The command `python -m analysis.monitor`, which writes interim estimates valid at any look."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from analysis.files import atomic_write_files, run_command
from analysis.findings.monitor_data import assemble_monitor
from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_percent,
    method_label,
)
from analysis.inputs.design import DesignError, read_design
from analysis.inputs.parquet.files import resolve_source
from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import read_responses

FILE_TYPE = click.Path(dir_okay=False, path_type=Path)
CHEAPER_TEXTS = {
    "people": "more participants would narrow the interval most",
    "images": "more photographs would narrow the interval more than more participants would",
}


@click.command(name="monitor")
@click.argument("responses")
@click.option("--study", required=True, help="Study to monitor.")
@click.option(
    "--design",
    type=FILE_TYPE,
    help=(
        "Frozen design (design.json) with exclusion rules, equivalence margin and planned sample "
        "size."
    ),
)
@click.option(
    "--out",
    type=FILE_TYPE,
    required=True,
    help="Output file; the researcher page shows instance/reports/SLUG/monitor.json.",
)
def monitor(responses: str, study: str, design: Path | None, out: Path) -> None:
    """Compute interim estimates from RESPONSES: a CSV or Parquet file, or a database URL.

    For each pair of methods, the command says whether they are different (STOP), equal within the
    margin of the design (EQUAL), or undecided (CONTINUE). These intervals are valid however often
    you look; those of the report are valid for a single look. Uses live participants, or simulated
    ones if there are none.
    """
    try:
        frozen = read_design(design) if design else None
        responses = resolve_source(responses)
        table = read_responses(responses)
        monitor_json = assemble_monitor(responses, table, study, frozen, datetime.now(UTC))
        written = json.dumps(monitor_json, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_files(out.parent, {out.name: f"{written}\n".encode()})
    except (ResponsesError, DesignError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; use another file with --out"
        raise click.ClickException(reason) from error
    click.echo("\n".join([*_format_lines(monitor_json), str(out)]))


def _format_lines(monitor_json: ReportPart) -> Iterator[str]:
    if not monitor_json["differences"]:
        yield "no two methods to compare yet"
    for method, entry in monitor_json["methods"].items():
        yield f"{method_label(method)}: {_format_rate(entry)}"
    for one in monitor_json["differences"]:
        pair = f"{method_label(one['a'])} − {method_label(one['b'])}"
        scale = f" ({one['of'].partition(':')[2]})" if ":" in one["of"] else ""
        yield f"{pair}{scale}: {_format_difference(one)}"


def _format_rate(entry: ReportPart) -> str:
    if entry["rate"] is None:
        return f"no confidence sequence: {entry['note']}"
    interval_text = format_interval(entry["cs95"])
    return f"{format_percent(entry['rate'])}% (95% confidence sequence {interval_text})"


def _format_difference(one: ReportPart) -> str:
    if one["difference"] is None:
        return f"CONTINUE; no confidence sequence: {one['note']}"
    if one["of"].startswith("mean_opinion"):
        value = format_number(one["difference"], 2)
        interval = " to ".join(format_number(bound, 2) for bound in one["cs95"])
    else:
        value, interval = format_percent(one["difference"]), format_interval(one["cs95"])
    advice = f"; {CHEAPER_TEXTS[one['cheaper']]}" if one["cheaper"] else ""
    return f"{one['verdict'].upper()}{advice}; {value} points (95% confidence sequence {interval})"


if __name__ == "__main__":
    run_command(monitor)
