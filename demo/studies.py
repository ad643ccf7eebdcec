"""Run studies and make a report with the `study` command and `analysis.report`."""

import csv
import re
import shutil
import tomllib
from functools import partial
from pathlib import Path

from demo.commands import DemoError, execute, run, run_step
from demo.sizes import StudySize, fit_size

SIMULATED_PARTICIPANTS = 30
PLACEHOLDER_TEXT = "(not filled in: this is a demo)"
OPEN_SLUG, SIMULATED_SLUG = "demo", "demo-simulated"


def make_studies(folder: Path) -> None:
    """A study open for the user, and one that simulated people have answered, with its report."""
    try:
        size = fit_size(count_photographs(folder / "outputs" / "manifest.csv"))
    except ValueError as error:
        raise DemoError(f"{error}; use a folder with more color photographs") from error
    run_step(
        "Opening a study",
        read_study_state(folder, OPEN_SLUG) == "open",
        partial(open_study, folder, size),
    )
    answered = count_complete(folder) >= SIMULATED_PARTICIPANTS and report_path(folder).exists()
    answer = partial(simulate_and_report, folder, size)
    run_step(
        f"Running {SIMULATED_PARTICIPANTS} simulated participants; writing the report",
        answered,
        answer,
    )


def count_photographs(manifest: Path) -> int:
    """Count the photographs in a manifest."""
    with manifest.open(newline="", encoding="utf-8") as file:
        return sum(row["method"] == "real" for row in csv.DictReader(file))


def report_path(folder: Path) -> Path:
    """Return the path at which the researcher pages look for the report."""
    return folder / "instance" / "reports" / SIMULATED_SLUG / "report.html"


def read_study_state(folder: Path, slug: str) -> str | None:
    """Return the study's state (draft, open, paused or closed), or None if it does not exist."""
    status = execute(folder, ("study", "status", slug))  # "demo: open; 3 complete; 66 answers"
    found = re.match(rf"{slug}: (\w+);", status.stdout)
    return found[1] if found else None


def export_answers(folder: Path) -> Path:
    """responses.csv of the simulated study, with participants.csv beside it."""
    responses = folder / "answers" / "responses.csv"
    responses.parent.mkdir(exist_ok=True)
    run(folder, "study", "export", SIMULATED_SLUG, "--out", str(responses))
    return responses


def count_complete(folder: Path) -> int:
    """Count the simulated participants who completed the study."""
    if read_study_state(folder, SIMULATED_SLUG) is None:
        return 0
    people = export_answers(folder).with_name("participants.csv")
    with people.open(newline="", encoding="utf-8") as file:
        return sum(row["outcome"] == "complete" for row in csv.DictReader(file))


def open_study(folder: Path, size: StudySize) -> None:
    """The study for people, its design fixed; one that a researcher has paused opens again."""
    design = folder / "design.json"
    if read_study_state(folder, OPEN_SLUG) is None:
        design.unlink(missing_ok=True)
        import_study(folder, OPEN_SLUG, "zhang2016", size)
    if not design.exists():
        run(folder, "study", "freeze", OPEN_SLUG, "--out", design.name)
    run(folder, "study", "open", OPEN_SLUG)


def import_study(folder: Path, slug: str, preset: str, size: StudySize) -> None:
    """A preset, shortened and in two languages, with every stimulus of outputs/."""
    protocol = folder / f"{slug}.toml"
    protocol.unlink(missing_ok=True)
    run(folder, "study", "new", slug, "--preset", preset, "--out", protocol.name)
    settings = add_german(shorten_protocol(protocol.read_text(encoding="utf-8"), size))
    protocol.write_text(settings, encoding="utf-8")
    fill_in_wording(folder / tomllib.loads(settings)["wording"])
    run(folder, "study", "import", protocol.name, "outputs/manifest.csv")


def shorten_protocol(protocol: str, size: StudySize) -> str:
    """A study.toml with other numbers of pairs."""
    for key, pairs in vars(size).items():
        protocol = set_protocol_number(protocol, key, pairs)
    return protocol


def set_protocol_number(protocol: str, key: str, number: int) -> str:
    """A study.toml with one other number, the remarks kept in their column."""
    return re.sub(
        rf"^{key} = \d+ *",
        lambda found: f"{key} = {number}".ljust(len(found[0])),
        protocol,
        flags=re.MULTILINE,
    )


def add_german(protocol: str) -> str:
    """A study.toml whose participants may read German, too."""
    return protocol.replace('languages = ["en"]      ', 'languages = ["en", "de"]', 1)


def fill_in_wording(wording: Path) -> None:
    """Fill in the placeholders of the texts; the demo has no researcher and says so."""
    for file in wording.rglob("*.md"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"\[\.\.\.[^]]*\]", PLACEHOLDER_TEXT, text), encoding="utf-8")


def simulate_and_report(folder: Path, size: StudySize) -> None:
    """Every simulated person sees both models, so that thirty are enough for a difference."""
    design = folder / f"design-{SIMULATED_SLUG}.json"
    if read_study_state(folder, SIMULATED_SLUG) is None:
        design.unlink(missing_ok=True)
        import_study(folder, SIMULATED_SLUG, "within", size)
    if not design.exists():
        run(folder, "study", "freeze", SIMULATED_SLUG, "--out", design.name)
    answered = count_complete(folder)  # by an interrupted demo
    missing = SIMULATED_PARTICIPANTS - answered
    if missing > 0:
        run(folder, "study", "simulate", SIMULATED_SLUG, str(missing), "--seed", str(answered))
    write_report(folder)


def write_report(folder: Path) -> None:
    """The report of the simulated answers, moved where the server looks when it is whole."""
    answers = str(export_answers(folder))
    unfinished = folder / "unfinished" / "report"
    shutil.rmtree(unfinished, ignore_errors=True)
    run(folder, "python", "-m", "analysis.report", answers, "--out", str(unfinished))
    shutil.rmtree(report_path(folder).parent, ignore_errors=True)
    report_path(folder).parent.parent.mkdir(parents=True, exist_ok=True)
    unfinished.rename(report_path(folder).parent)
