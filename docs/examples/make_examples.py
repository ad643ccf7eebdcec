"""Type the commands of the worked examples, and put what they print and draw into the pages.

Run `python docs/examples/make_examples.py` after `make demo`, which leaves photographs in .demo. It
takes some minutes.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorizer.figures.comparison_sheet import (
    GRAY_COLUMN,
    ORIGINAL_COLUMN,
    PanelRow,
    draw_comparison_sheet,
)
from colorizer.stimuli.full_size import to_grayscale

HERE = Path(__file__).parent
PAGES = ("README", "real-or-fake", "preference", "rating", "other-answers")
VOTES = HERE / "other-data" / "arena.csv"
REPORT = re.compile(r"python -m analysis\.report (\w+)/responses\.csv .*")
SHOWN = ("china-3", "cottage-0", "spoonbills-0")  # in the picture of the images
SHOWN_METHODS = ("l2", "l2-vivid", "mcl", "mcl-annealed")
PANEL_PX = 128


@click.command()
@click.option(
    "--photographs",
    default=".demo/photographs",
    show_default=True,
    type=click.Path(path_type=Path, exists=True),
    help="Folder of color photographs.",
)
def main(photographs: Path) -> None:
    """Type the commands of all pages, and write their figures and what the reports print."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(photographs, folder / "photographs")
        shutil.copy(VOTES, folder)
        type_commands((line for page in PAGES for line in read_commands(page)), folder)
        draw_stimuli(folder / "outputs")
        for page in PAGES:
            fill_page(HERE / f"{page}.md", folder)


def read_commands(page: str) -> Iterator[str]:
    """Yield the commands of a page's shell blocks."""
    text = (HERE / f"{page}.md").read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()


def type_commands(lines: Iterable[str], folder: Path) -> None:
    """Run commands as one script; what a report prints is also kept, in printed.txt."""
    script = ["set -euo pipefail"]
    for line in lines:
        report = REPORT.fullmatch(line)
        script.append(f"{line} | tee {report[1]}/printed.txt" if report else line)
    environment = {name: value for name, value in os.environ.items() if "STUDY_" not in name}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, env=environment, check=True)


def fill_page(page: Path, folder: Path) -> None:
    """Put the findings of the reports between a page's markers, and copy its figures."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"<!-- (\w+) -->\n", text):
        if name != "end":
            text = fill_findings(text, name, (folder / name / "printed.txt").read_text())
    page.write_text(text, encoding="utf-8")
    for report, figure in list_figures(text):
        source = folder / report / "report" / "figures" / f"{figure}.svg"
        shutil.copy(source, HERE / "figures" / f"{report}-{figure}.svg")


def fill_findings(text: str, name: str, printed: str) -> str:
    """Return a page with the findings in `printed`: all lines that name no file, as a list."""
    findings = "\n".join(
        f"- {line}"
        for line in printed.splitlines()[:-1]
        if not line.startswith(("design:", "images:"))
    )
    begin, marker, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    return f"{begin}{marker}\n{findings}\n\n{end}{after}"


def list_figures(text: str) -> list[tuple[str, str]]:
    """Return the report and the name of each figure that a page shows."""
    return re.findall(r"\]\(figures/([a-z]+)-([a-z-]+)\.svg\)", text)


def draw_stimuli(stimuli: Path) -> None:
    """Draw some photographs with the images of each colorizer."""
    sheet = draw_comparison_sheet([make_row(stimuli, image) for image in SHOWN])
    sheet.save(HERE / "figures" / "stimuli.jpg", quality=80)


def make_row(stimuli: Path, image: str) -> PanelRow:
    """Return the panels of one photograph."""
    real = read_pixels(stimuli / "real" / f"{image}.png")
    fakes = {name: read_pixels(stimuli / name / f"{image}.png") for name in SHOWN_METHODS}
    return {GRAY_COLUMN: to_grayscale(real), **fakes, ORIGINAL_COLUMN: real}


def read_pixels(file: Path) -> NDArray[np.uint8]:
    """Return the pixels of a stimulus, scaled down."""
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB").resize((PANEL_PX, PANEL_PX)))


if __name__ == "__main__":
    main()
