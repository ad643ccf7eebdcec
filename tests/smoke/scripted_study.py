"""Run a small study on SQLite by its commands: `python -m tests.smoke.scripted_study`.

Images are generated; participants are simulated. It exits 1 when a command fails or the report
does not contain the participants.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.smoke.programs import find_program

IMAGES, SIZE, PEOPLE = 70, 32, 4  # the preset needs 60 photographs; px
SLUG, METHOD = "smoke", "gan"


def make_images(folder: Path, rng: np.random.Generator) -> None:
    """Write photographs, fakes and foils: smooth random images, each of its own."""
    for method in ("real", METHOD, "foil"):
        (folder / method).mkdir()
        for number in range(IMAGES):
            coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            image.save(folder / method / f"{number:02}.png")


def run(folder: Path, *words: str) -> None:
    """Run a command in a folder; exits with what it said when it fails."""
    print(" ".join(words), flush=True)
    done = subprocess.run(find_program(words), cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def run_study(folder: Path) -> None:
    """Create, import, simulate, export and report."""
    make_images(folder, np.random.default_rng(0))
    folders = [f"--method={method}={method}" for method in ("real", METHOD, "foil")]
    run(folder, "study", "new", SLUG, "--preset", "within")
    protocol = folder / "study.toml"
    text = protocol.read_text(encoding="utf-8")
    changed = text.replace('methods = ["l2", "mcl"]', f'methods = ["{METHOD}"]')
    changed = changed.replace('stimuli = "recolored"', 'stimuli = "any"')
    protocol.write_text(changed, encoding="utf-8")
    shutil.rmtree(folder / "wording")  # its texts are about colors
    run(folder, "study", "wording", "study.toml")
    run(folder, "study", "manifest", *folders)
    run(folder, "study", "import", "study.toml", "manifest.csv", "--accept")
    run(folder, "study", "simulate", SLUG, str(PEOPLE), "--rates", f"{METHOD}=0.3")
    run(folder, "study", "export", SLUG, "--out", "responses.csv")
    run(folder, "python", "-m", "analysis.report", "responses.csv", "--out", "report")
    report = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
    if report["input"]["participants"] != PEOPLE or METHOD not in report["methods"]:
        sys.exit(f"the report does not contain {PEOPLE} participants of {METHOD}")
    print(f"{PEOPLE} participants, {report['input']['rows']} trials, report written")


if __name__ == "__main__":
    # on Windows an SQLite file may stay open for a moment
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        run_study(Path(name))
