"""Write the tables of docs/scoreboard.md.

Run `python docs/write_scoreboard.py outputs/metrics/metrics.json` after `colorizer evaluate`;
--table takes the numbers of one table only. They are stored in docs/scoreboard.json; without a
file, the tables are written from there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from colorizer.evaluation.scores import MeanEstimate
from colorizer.evaluation.tables import format_interval, format_number

HERE = Path(__file__).parent
PAGE, NUMBERS = HERE / "scoreboard.md", HERE / "scoreboard.json"
NOT_MEASURED = "Not measured yet."
TABLES = {  # marker in the page -> metrics and their headings
    "color": {
        "auc_raw": "raw AuC",
        "auc_balanced": "balanced AuC",
        "colorfulness_gap": "colorfulness gap",
    },
    "plain-ground": {"plain_gray_chroma": "plain-gray chroma", "patches": "patches"},
    "perceptual": {
        "st_lpips": "ST-LPIPS",
        "kl": "KL",
        "same_class": "same class",
        "top1": "top-1",
    },
}

Numbers = Mapping[str, Mapping[str, Any]]  # as metrics.json: method -> metric -> mean and interval


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--table", type=click.Choice(list(TABLES)), help="Only this table.")
def main(file: Path | None, table: str | None) -> None:
    """Store the numbers of an evaluation, and write the tables of the page."""
    stored = json.loads(NUMBERS.read_text(encoding="utf-8"))
    if file is not None:
        stored |= select_numbers(json.loads(file.read_text(encoding="utf-8")), table)
        NUMBERS.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(fill_tables(PAGE.read_text(encoding="utf-8"), stored), encoding="utf-8")


def select_numbers(numbers: Numbers, table: str | None = None) -> dict[str, Numbers]:
    """Return the numbers of each table that an evaluation has, or of one table."""
    return {
        name: {
            method: {key: x for key, x in values.items() if key in headings or key == "images"}
            for method, values in numbers.items()
        }
        for name, headings in TABLES.items()
        if table in (None, name) and set(headings) & set(next(iter(numbers.values())))
    }


def fill_tables(page: str, stored: Mapping[str, Numbers]) -> str:
    """Return the page with each table between its markers."""
    for name, headings in TABLES.items():
        numbers = stored.get(name)
        table = "\n".join(table_rows(numbers, headings)) if numbers else NOT_MEASURED
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- end -->)"
        page = re.sub(pattern, rf"\g<1>{table}\g<2>", page, flags=re.S)
    return page


def table_rows(numbers: Numbers, headings: Mapping[str, str]) -> Iterator[str]:
    """Yield one line per method, each value with its 95% interval."""
    metrics = [x for x in headings if all(x in values for values in numbers.values())]
    yield "| | " + " | ".join(headings[metric] for metric in metrics) + " | photographs |"
    yield "|---" * (2 + len(metrics)) + "|"
    for method, values in numbers.items():
        cells = [format_cell(metric, values[metric]) for metric in metrics]
        yield f"| `{method}` | " + " | ".join([*cells, f"{values['images']:,}"]) + " |"


def format_cell(metric: str, values: Mapping[str, Any]) -> str:
    """Format a mean and its interval."""
    if values["mean"] is None:
        return "–"
    mean = format_number(metric, values["mean"])
    interval = format_interval(metric, MeanEstimate(values["mean"], values["ci95"]))
    return f"{mean} ({interval})" if interval else mean


if __name__ == "__main__":
    main()
