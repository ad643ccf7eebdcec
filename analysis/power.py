"""The command `python -m analysis.power`, which computes sample sizes for two methods."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from analysis.figures.canvas import render_figure
from analysis.files import atomic_write_files, run_command
from analysis.planning.curve import draw_power_curve
from analysis.planning.formulas import EFFECT_PRESETS
from analysis.planning.judged_scenarios import PREFERENCE_SDS, RATING_SDS
from analysis.planning.power_json import assemble_power_json, format_plan
from analysis.planning.protocol_options import read_protocol_options
from analysis.planning.scenario_options import (
    COMMON_DEFAULTS,
    TASK_OPTIONS,
    build_scenario,
    fill_defaults,
)

RATE_TYPE = click.FloatRange(0, 1, min_open=True, max_open=True)
SD_TYPE = click.FloatRange(0, 1000)


@click.command(name="power")
@click.option(
    "--protocol",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=(
        "study.toml or design.json of the study, for --task, --methods, --trials and --design; a "
        "manifest.csv beside it or in the folder outputs supplies --images. Options given here "
        "take precedence."
    ),
)
@click.option(
    "--task",
    type=click.Choice(TASK_OPTIONS),
    help=f"What participants are asked. [default: {COMMON_DEFAULTS['task']}]",
)
@click.option(
    "--rate",
    type=RATE_TYPE,
    help=(
        "Fooling rate of one method; for preferences, the share of trials in which one method is "
        "preferred to the other."
    ),
)
@click.option(
    "--difference",
    type=float,
    help=(
        "--rate minus the other method's rate; for ratings, the difference between the mean "
        "scores, in points of the scale."
    ),
)
@click.option(
    "--margin",
    type=RATE_TYPE,
    help="Equivalence margin: show that the rates differ by less than this.",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    help=(f"Test trials per participant, over all methods. [default: {COMMON_DEFAULTS['trials']}]"),
)
@click.option(
    "--images",
    type=click.IntRange(2, 1_000_000),
    help=(
        "Number of photographs that the trials are drawn from. "
        f"[default: {COMMON_DEFAULTS['images']}]"
    ),
)
@click.option(
    "--effects",
    help=(
        f"How much participants and photographs differ in fooling: {', '.join(EFFECT_PRESETS)}, "
        "or a pilot's report.json. [default: typical]"
    ),
)
@click.option(
    "--sd-participant",
    type=SD_TYPE,
    help=(
        "SD of participants' effects on a method, in log odds, or for ratings in points. "
        f"[default: that of --effects; {PREFERENCE_SDS.participant:g} for preferences; "
        f"{RATING_SDS.participant:g} for ratings]"
    ),
)
@click.option(
    "--sd-image",
    type=SD_TYPE,
    help=(
        "SD of photographs' effects on a method. [default: that of --effects; "
        f"{PREFERENCE_SDS.image:g} for preferences; {RATING_SDS.image:g} for ratings]"
    ),
)
@click.option(
    "--sd-residual",
    type=SD_TYPE,
    help=(
        f"Residual SD of a participant's ratings of one method. [default: {RATING_SDS.residual:g}]"
    ),
)
@click.option(
    "--participant-correlation",
    type=click.FloatRange(0, 1),
    help="Correlation of a participant's effects across methods. [default: the pilot's, or 0.8]",
)
@click.option(
    "--image-correlation",
    type=click.FloatRange(0, 1),
    help="Correlation of a photograph's effects across methods. [default: the pilot's, or 0.5]",
)
@click.option(
    "--design",
    type=click.Choice(("within", "between")),
    help="All methods per participant (within), or one (between). [default: within]",
)
@click.option(
    "--unpaired",
    is_flag=True,
    default=None,
    help=(
        "No photograph has fakes of two methods, as with `study manifest --unpaired`; --images "
        "counts the photographs of all methods together."
    ),
)
@click.option(
    "--methods",
    type=click.IntRange(2, 100),
    help=(
        "Number of methods in the study, including these two. "
        f"[default: {COMMON_DEFAULTS['methods']}]"
    ),
)
@click.option(
    "--simulate",
    type=click.IntRange(1, 100_000),
    help="Verify the power with this many simulated studies, analyzed as in the report.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed of the simulation.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "Output file power.json; the table (CSV) and the power curve (SVG, PNG) are written next"
        " to it."
    ),
)
def power_command(protocol: Path | None, out: Path | None, **options: Any) -> None:
    """Compute the sample size for comparing two methods: fooling rates, preferences or ratings.

    The test generalizes to new participants and new photographs. It is two-sided at 5% after Holm's
    correction for all pairs of --methods, or two one-sided tests with --margin. If there are so
    few photographs that no number of participants is enough, the command says so.
    """
    of_protocol = None if protocol is None else read_protocol_options(protocol)
    options = fill_defaults(options, of_protocol.values if of_protocol else {})
    scenario = build_scenario(options)
    plan = assemble_power_json(scenario, {"protocol": protocol and str(protocol), **options})
    if out is not None:
        _write_plan_files(out, plan)
    sources = [of_protocol.source] if of_protocol else []
    written = [str(out)] if out else []
    click.echo("\n".join([*sources, *format_plan(scenario, plan), *written]))


def _write_plan_files(out: Path, plan: Mapping[str, Any]) -> None:
    """Write all four files, or none. Raises ClickException if they cannot be written."""
    if out.suffix in (".csv", ".svg", ".png"):
        raise click.UsageError(
            f"--out {out} would be overwritten by the {out.suffix[1:].upper()} "
            "file beside it; name a .json file"
        )
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, plan["table"][0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(plan["table"])
    figure = draw_power_curve(plan["curve"], plan["participants"] or {}, plan["power_limit"])
    numbers = json.dumps(plan, indent=2, ensure_ascii=False, allow_nan=False)
    files = {
        f"{out.stem}.csv": table.getvalue().encode(),
        f"{out.stem}.svg": render_figure(figure, "svg"),
        f"{out.stem}.png": render_figure(figure, "png"),
        out.name: f"{numbers}\n".encode(),
    }
    try:
        atomic_write_files(out.parent, files)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; use another file with --out"
        raise click.ClickException(reason) from error


if __name__ == "__main__":
    run_command(power_command)
