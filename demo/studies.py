"""From stimuli to a report: the demo's use of the `study` command and of the report."""

import csv
import re
import shutil
import tomllib
from functools import partial
from pathlib import Path

from demo.commands import DemoError, execute, run, step
from demo.sizes import Size, fit_size

PEOPLE = 30
NOBODY = "(nobody: this is the demo)"
OPEN, SIMULATED = "demo", "demo-simulated"


def make_studies(place: Path) -> None:
    """A study open for the user, and one that simulated people have answered, with its report."""
    try:
        size = fit_size(count_photographs(place / "outputs" / "manifest.csv"))
    except ValueError as error:
        raise DemoError(f"{error}; name a folder with more photographs in color") from error
    step("Opening a study", find_state(place, OPEN) == "open", partial(open_study, place, size))
    answered = count_complete(place) >= PEOPLE and report(place).exists()
    answer = partial(answer_by_simulation, place, size)
    step(f"Letting {PEOPLE} simulated people answer, and reporting", answered, answer)


def count_photographs(manifest: Path) -> int:
    """How many photographs there are stimuli of."""
    with manifest.open(newline="", encoding="utf-8") as file:
        return sum(row["method"] == "real" for row in csv.DictReader(file))


def report(place: Path) -> Path:
    """Where the researcher's page looks for it."""
    return place / "instance" / "reports" / SIMULATED / "report.html"


def find_state(place: Path, slug: str) -> str | None:
    """draft, open, paused or closed; None when the database has no such study."""
    status = execute(place, ("study", "status", slug))  # "demo: open; nobody yet; 0 answers"
    found = re.match(rf"{slug}: (\w+);", status.stdout)
    return found[1] if found else None


def export_answers(place: Path) -> Path:
    """responses.csv of the simulated study, with participants.csv beside it."""
    responses = place / "answers" / "responses.csv"
    responses.parent.mkdir(exist_ok=True)
    run(place, "study", "export", SIMULATED, "--out", str(responses))
    return responses


def count_complete(place: Path) -> int:
    """How many simulated people have answered everything."""
    if find_state(place, SIMULATED) is None:
        return 0
    people = export_answers(place).with_name("participants.csv")
    with people.open(newline="", encoding="utf-8") as file:
        return sum(row["outcome"] == "complete" for row in csv.DictReader(file))


def open_study(place: Path, size: Size) -> None:
    """The study for people, its design fixed; one that a researcher has paused opens again."""
    design = place / "design.json"
    if find_state(place, OPEN) is None:
        design.unlink(missing_ok=True)
        import_study(place, OPEN, "zhang2016", size)
    if not design.exists():
        run(place, "study", "freeze", OPEN, "--out", design.name)
    run(place, "study", "open", OPEN)


def import_study(place: Path, slug: str, preset: str, size: Size) -> None:
    """A preset, shortened and in two languages, with every stimulus of outputs/."""
    protocol = place / f"{slug}.toml"
    protocol.unlink(missing_ok=True)
    run(place, "study", "new", slug, "--preset", preset, "--out", protocol.name)
    settings = translate(shorten(protocol.read_text(encoding="utf-8"), size))
    protocol.write_text(settings, encoding="utf-8")
    fill_in(place / tomllib.loads(settings)["wording"])
    run(place, "study", "import", protocol.name, "outputs/manifest.csv")


def shorten(protocol: str, size: Size) -> str:
    """A study.toml with other numbers of pairs."""
    for key, pairs in vars(size).items():
        protocol = set_number(protocol, key, pairs)
    return protocol


def set_number(protocol: str, key: str, number: int) -> str:
    """A study.toml with one other number, the remarks kept in their column."""
    return re.sub(
        rf"^{key} = \d+ *",
        lambda found: f"{key} = {number}".ljust(len(found[0])),
        protocol,
        flags=re.MULTILINE,
    )


def translate(protocol: str) -> str:
    """A study.toml whose participants may read German, too."""
    return protocol.replace('languages = ["en"]      ', 'languages = ["en", "de"]', 1)


def fill_in(wording: Path) -> None:
    """What the texts leave to the researcher: the demo has none, and says so."""
    for file in wording.rglob("*.md"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"\[\.\.\.[^]]*\]", NOBODY, text), encoding="utf-8")


def answer_by_simulation(place: Path, size: Size) -> None:
    """Every simulated person sees both models, so that thirty are enough for a difference."""
    if find_state(place, SIMULATED) is None:
        import_study(place, SIMULATED, "within", size)
    answered = count_complete(place)  # by an interrupted demo
    missing = PEOPLE - answered
    if missing > 0:
        run(place, "study", "simulate", SIMULATED, str(missing), "--seed", str(answered))
    write_report(place)


def write_report(place: Path) -> None:
    """The report of the simulated answers, moved where the server looks when it is whole."""
    answers = str(export_answers(place))
    unfinished = place / "unfinished" / "report"
    shutil.rmtree(unfinished, ignore_errors=True)
    run(place, "python", "-m", "analysis.report", answers, "--out", str(unfinished))
    shutil.rmtree(report(place).parent, ignore_errors=True)
    report(place).parent.parent.mkdir(parents=True, exist_ok=True)
    unfinished.rename(report(place).parent)
