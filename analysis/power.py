"""The command `python -m analysis.power`, which computes sample sizes for two methods."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from analysis.figures.canvas import render_figure
from analysis.files import atomic_write_files, run_command
from analysis.sample_size.curve import draw_power_curve
from analysis.sample_size.formulas import EFFECT_PRESETS, EffectSds, PowerScenario
from analysis.sample_size.power_json import assemble_power_json, format_plan

CORRELATIONS = ("participant_correlation", "image_correlation")  # options, and of EffectSds
RATE_TYPE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command(name="power")
@click.option("--rate", type=RATE_TYPE, required=True, help="Fooling rate of one method.")
@click.option(
    "--difference", type=click.FloatRange(-1, 1), help="--rate minus the other method's rate."
)
@click.option(
    "--margin",
    type=RATE_TYPE,
    help="Equivalence margin: show that the rates differ by less than this.",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    default=40,
    show_default=True,
    help="Test trials per participant, over all methods.",
)
@click.option(
    "--images",
    type=click.IntRange(2, 1_000_000),
    default=200,
    show_default=True,
    help="Number of photographs that the trials are drawn from.",
)
@click.option(
    "--effects",
    default="typical",
    show_default=True,
    help=(
        f"How much participants and photographs differ: {', '.join(EFFECT_PRESETS)}, "
        "or a pilot's report.json."
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
    default="within",
    show_default=True,
    help="All methods per participant (within), or one (between).",
)
@click.option(
    "--methods",
    type=click.IntRange(2, 100),
    default=2,
    show_default=True,
    help="Number of methods in the study, including these two.",
)
@click.option(
    "--simulate",
    type=click.IntRange(1, 100_000),
    help="Verify the power with this many simulated studies, analyzed as in the report.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed of the simulation."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "Output file power.json; the table (CSV) and the power curve (SVG, PNG) are written next"
        " to it."
    ),
)
def power_command(out: Path | None, **options: Any) -> None:
    """Compute the sample size for comparing two fooling rates.

    The test generalizes to new participants and new photographs. It is two-sided at 5% after Holm's
    correction for all pairs of --methods, or two one-sided tests with --margin. If there are so
    few photographs that no number of participants is enough, the command says so.
    """
    scenario = _build_scenario(options)
    plan = assemble_power_json(scenario, options)
    if out is not None:
        _write_plan_files(out, plan)
    click.echo("\n".join([*format_plan(scenario, plan), *([str(out)] if out else [])]))


def _build_scenario(options: Mapping[str, Any]) -> PowerScenario:
    """Build the scenario from the options. Raises UsageError if they contradict each other."""
    rate, margin, difference = options["rate"], options["margin"], options["difference"] or 0.0
    trials, images, methods = options["trials"], options["images"], options["methods"]
    within = options["design"] == "within"
    usage_errors = (
        (
            not (margin or difference),
            "use --difference to detect a difference, or --margin to show equivalence",
        ),
        (
            not 0 < rate - difference < 1,
            f"--rate {rate:g} minus --difference {difference:g} is not between 0 and 1",
        ),
        (
            margin is not None and abs(difference) >= margin,
            f"--difference {difference:g} must be smaller than --margin {margin}",
        ),
        (
            trials > images,
            (
                f"--trials {trials} exceeds --images {images}, but no participant sees a photograph"
                " twice; lower --trials"
            ),
        ),
        (
            within and trials < methods,
            f"--trials {trials} is too few to show {methods} methods to each participant; raise it",
        ),
    )
    for is_broken, message in usage_errors:
        if is_broken:
            raise click.UsageError(message)
    effects = EFFECT_PRESETS.get(options["effects"]) or read_pilot_effects(Path(options["effects"]))
    chosen = {key: options[key] for key in CORRELATIONS if options[key] is not None}
    effects = replace(effects, **chosen)
    return PowerScenario(
        (rate, rate - difference), effects, trials, images, methods, within, margin
    )


def read_pilot_effects(path: Path) -> EffectSds:
    """Read the mixed models' standard deviations and correlations from a report.json.

    They are averaged over the methods and the pairs of methods; a correlation that no pair has is
    the usual one. Raises UsageError if it contains no standard deviations.
    """
    try:
        report = json.loads(path.read_text("utf-8"))
        methods = report["methods"].values()
        correlations = _average_correlations(report.get("differences", ()))
        models = [method["mixed"] for method in methods if method.get("mixed")]
        participant, image = (
            [float(model[key]) for model in models] for key in ("sd_participant", "sd_image")
        )
    except OSError as error:
        preset_names = ", ".join(EFFECT_PRESETS)
        raise click.UsageError(
            f"--effects {path}: {error.strerror}; use {preset_names}, or a pilot's report.json"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise click.UsageError(f"{path}: not a report.json; create the report again") from error
    if not models:
        raise click.UsageError(f"{path}: contains no mixed model; create the report with --mixed")
    return EffectSds(fmean(participant), fmean(image), **correlations)


def _average_correlations(differences: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Average the correlations of the pairs' mixed models; a negative average counts as 0."""
    averages = {}
    for key, factor in zip(CORRELATIONS, ("participant", "image"), strict=True):
        models = [pair["mixed"] for pair in differences if pair["mixed"]]
        values = [one[f"correlation_{factor}"] for one in models]
        known = [float(value) for value in values if value is not None]
        if known:
            averages[key] = min(max(fmean(known), 0.0), 1.0)
    return averages


def _write_plan_files(out: Path, plan: Mapping[str, Any]) -> None:
    """Write all four files, or none. Raises ClickException if they cannot be written."""
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
