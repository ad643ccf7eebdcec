"""Write an R script that computes the main estimates of a report again, for reviewers."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.formatting import ReportDict, ReportPart

TEMPLATES = Path(__file__).parents[1]
R_SCRIPT = "refit.R"
PACKAGES = {
    "refit_rates": ["lme4"],
    "refit_pairs": ["BradleyTerry2"],
    "refit_rankings": ["survival"],
    "refit_ratings": ["ordinal"],
}


def render_r_script(report: ReportPart) -> bytes | None:
    """Render refit.R from the contents of report.json.

    None without estimates that it covers: everybody is excluded, or the task is not built in.
    """
    name, expected = _find_template(report)
    if name is None:
        return None
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"r_text": format_r_text, "r_number": format_r_number}
    rules, people = report["exclusions"]["rules"], report["exclusions"]["participants"]
    script = environment.get_template(f"shared/{name}.R.j2").render(
        report=report,
        expected=expected,
        libraries=PACKAGES[name],
        packages=f"with the package {PACKAGES[name][0]}",
        excluded=", ".join(format_r_text(one["participant"]) for one in people if one["excluded"]),
        fast_ms=0 if rules["fast_ms"] is None else format_r_number(rules["fast_ms"]),
        slow_ms="Inf" if rules["slow_ms"] is None else format_r_number(rules["slow_ms"]),
    )
    return script.encode()


def _find_template(report: ReportPart) -> tuple[str | None, list[ReportDict]]:
    """Return the name of the template, and the numbers that R should give."""
    methods = report["methods"]
    estimates = {name for entry in methods.values() for name in entry}
    if "rate" in estimates:
        mixed = ("beta", "sd_participant", "sd_image")
        return "refit_rates", [
            {
                "method": method,
                "rate": entry["rate"],
                **{key: entry["mixed"] and entry["mixed"][key] for key in mixed},
            }
            for method, entry in methods.items()
            if entry["trials"]
        ]
    if "mean_opinion" in estimates:
        return "refit_ratings", [
            {"scale": scale, "method": method, "value": one["value"]}
            for method, entry in methods.items()
            for scale, one in entry["mean_opinion"].items()
            if one["value"] is not None
        ]
    for share, template in (("win_rate", "refit_pairs"), ("share_best", "refit_rankings")):
        if share in estimates:
            return template, [
                {
                    "method": method,
                    share: entry[share]["value"],
                    "strength": entry["strength"]["value"] if "strength" in entry else None,
                }
                for method, entry in methods.items()
            ]
    return None, []


def format_r_text(text: str) -> str:
    """Format a text as R reads it."""
    return json.dumps(text, ensure_ascii=False)


def format_r_number(value: Any) -> str:
    """Format a number as R reads it; None is NA."""
    return "NA" if value is None else repr(float(value))
