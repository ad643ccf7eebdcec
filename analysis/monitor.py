"""The command `python -m analysis.monitor`, which writes interim rates valid at any look."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from analysis.exclusions.flow import apply_exclusions
from analysis.files import atomic_write_files, run_command
from analysis.formatting import format_interval, format_percent, method_label
from analysis.inference.sequential import estimate_monitored_rate
from analysis.inputs.design import Design, DesignError, read_design
from analysis.inputs.responses import Responses, ResponsesError, select_mode, select_study
from analysis.inputs.sources import read_responses
from analysis.trials import count_clusters

MONITOR_SCHEMA = "hue-and-eye/monitor/1"
FILE_TYPE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="monitor")
@click.argument("responses")
@click.option("--study", required=True, help="Study to monitor.")
@click.option(
    "--design",
    type=FILE_TYPE,
    help="Frozen design (design.json) with exclusion rules and planned sample size.",
)
@click.option(
    "--out",
    type=FILE_TYPE,
    required=True,
    help="Output file; the researcher page shows instance/reports/SLUG/monitor.json.",
)
def monitor(responses: str, study: str, design: Path | None, out: Path) -> None:
    """Compute interim fooling rates from RESPONSES, a CSV file or a database URL.

    These intervals are valid however often you look; those of the report are valid for a single
    look. Uses live participants, or simulated ones if there are none.
    """
    try:
        frozen = read_design(design) if design else None
        monitor_json = assemble_monitor(read_responses(responses), study, frozen, datetime.now(UTC))
        written = json.dumps(monitor_json, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_files(out.parent, {out.name: f"{written}\n".encode()})
    except (ResponsesError, DesignError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; use another file with --out"
        raise click.ClickException(reason) from error
    for method, entry in monitor_json["methods"].items():
        click.echo(_format_rate_line(method, entry))
    click.echo(out)


def assemble_monitor(
    responses: Responses, study: str, design: Design | None, written_at: datetime
) -> dict[str, Any]:
    """Return the contents of monitor.json. A rate without a confidence sequence is None.

    written_at: in UTC. Raises ResponsesError if there are no trials to count.
    """
    selected = select_mode(select_study(responses, study), None)
    sample = apply_exclusions(responses, selected, design.plan.rules if design else None)
    methods = {}
    for method in sample.methods:
        trials = sample.trials.for_method(method)
        rate, cs95 = estimate_monitored_rate(trials) or (None, None)
        methods[method] = {"rate": rate, "cs95": cs95, "trials": len(trials.fooled)}
    return {
        "schema": MONITOR_SCHEMA,
        "study": study,
        "mode": selected.distinct("mode")[0],
        "written_at": written_at.isoformat(timespec="seconds"),
        "participants": count_clusters(sample.trials.participant),
        "planned": design.plan.participants if design else None,
        "methods": methods,
    }


def _format_rate_line(method: str, entry: dict[str, Any]) -> str:
    if entry["rate"] is None:
        return f"{method_label(method)}: too few participants for a confidence sequence"
    interval_text = format_interval(entry["cs95"])
    return (
        f"{method_label(method)}: {format_percent(entry['rate'])}% (95% confidence sequence "
        f"{interval_text})"
    )


if __name__ == "__main__":
    run_command(monitor)
