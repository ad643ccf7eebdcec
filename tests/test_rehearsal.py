"""Tests of a recruited study with external images, from import to report, over HTTP."""

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter
from sqlalchemy import Engine, select

from analysis.report import report
from study_server.cli import commands
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment import prolific as prolific_module
from study_server.simulation.simulated_browser import (
    SimulatedBrowser,
    answer_screening,
    answer_trials,
    give_consent,
)
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies.lookup import find_study
from tests.analysis.shell import run_here
from tests.commands import run
from tests.conftest import SECRET
from tests.faults.servers import Server, started
from tests.recruits import FINISH, HALF_WAY, Fate, Recruit, come, local, recruits
from tests.study_server.prolific_stub import STUDY, TOKEN, Stub, speaking

pytestmark = [pytest.mark.slow(60), pytest.mark.usefixtures("coarse_figures")]

IMAGES, TRIALS, ATTENTION_CHECKS, PLANNED = 40, 10, 10, 30
EARLY = 20  # participants before the early export
PLAN = f'participants = {PLANNED}\nstopping = "at {PLANNED} who completed"\n'
SETTINGS = {
    "methods": '["gan"]', "stimuli": '"any"', "entry": '"recruited"', "practice": "2",
    "trials": str(TRIALS), "attention_checks": str(ATTENTION_CHECKS), "color_vision": '"required"',
    "time_limit_minutes": "60",
}  # fmt: skip
ALL = TRIALS + ATTENTION_CHECKS + 2


def write_images(folder: Path) -> None:
    """Write photographs, fakes of an unknown model, and controls, with unusual file names."""
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        corners = rng.integers(40, 216, (4, 4, 3), dtype=np.uint8)
        photo = Image.fromarray(corners).resize((48, 48), Image.Resampling.BICUBIC)
        made = photo.filter(ImageFilter.GaussianBlur(1.5))
        control = Image.fromarray(np.roll(np.asarray(photo), 1, axis=2))
        name = f"IMG {number:02} (final)_v{number % 3}.png"
        for kind, image in (("photographs", photo), ("fakes", made), ("controls", control)):
            (folder / kind).mkdir(exist_ok=True)
            image.save(folder / kind / name)


def edit(study_toml: Path) -> None:
    """Edit the file written by `study new`, as a lab would."""
    text = study_toml.read_text()
    for key, value in SETTINGS.items():
        text, times = re.subn(rf"^{key} = .*?(?=  #|$)", f"{key} = {value}", text, flags=re.M)
        assert times == 1, key
    study_toml.write_text(text)
    wording = study_toml.parent / "wording"
    shutil.rmtree(wording)  # written for another protocol
    run("study", "wording", study_toml)
    for file in wording.rglob("*.md"):
        file.write_text(re.sub(r"\[\.\.\.[^]]*\]", "Ada", file.read_text()))


@dataclass
class Rehearsal:
    """The results of the study.

    shown_codes: the code shown at the end, by Prolific id. sheet, early, late: rows of CSV files.
    """

    people: list[Recruit]
    codes: dict[str, str]
    shown_codes: dict[str, str]
    stub: Stub
    sheet: list[dict[str, str]]
    early: list[dict[str, str]]
    late: list[dict[str, str]]
    participants: list[dict[str, str]]
    report: dict[str, Any]

    def of(self, fate: Fate) -> list[str]:
        return [person.pid for person in self.people if person.fate is fate]


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def prepare_study(folder: Path) -> None:
    write_images(folder)
    run("study", "new", "faces", "--preset", "within")
    edit(folder / "study.toml")
    (folder / "plan.toml").write_text(PLAN)
    kinds = ("real=photographs", "gan=fakes", "foil=controls")
    run("study", "manifest", *(word for kind in kinds for word in ("--method", kind)))
    run("study", "import", "study.toml", "manifest.csv", "--accept")


def try_out(address: str, engine: Engine) -> None:
    """Take part in the preview."""
    link = local(run("study", "preview", "faces").strip())
    population = SimulatedPopulation({"gan": 0.3})
    with read_session(engine) as db:
        protocol = parse_stored_protocol(find_study(db, "faces").protocol)
    with closing(SimulatedBrowser(address)) as browser:
        base = give_consent(browser, link)
        answer_screening(browser, base, engine)
        assert answer_trials(browser, base, engine, protocol, population, "preview")


def send(person: Recruit, address: str, link: str, engine: Engine) -> str:
    """Take part as this participant.

    Those who leave are backdated, so that their places are free when the next ones come; late ones
    beyond the study's time limit.
    """
    parts = urlsplit(link)
    code = come(person, f"{address}{parts.path}?{parts.query}", engine)
    if person.fate in HALF_WAY:
        with write_transaction(engine) as db:
            newest = select(Participant).order_by(Participant.id.desc()).limit(1)
            participant = db.scalars(newest).one()
            participant.last_seen_at -= timedelta(hours=2)
            if person.fate is Fate.LATE:
                participant.started_at -= timedelta(hours=2)
    return code


def settle(stub: Stub) -> list[dict[str, str]]:
    """Run `study reconcile` and `study pay` with the stub in place of Prolific."""
    with speaking(stub) as prolific, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROLIFIC_TOKEN", TOKEN)
        patch.setattr(
            prolific_module, "ProlificClient", lambda token: replace(prolific, token=token)
        )
        for words in (["reconcile", "faces"], ["pay", "pay-faces.csv"]):
            done = CliRunner().invoke(commands, [*words, "--prolific", STUDY])
            assert done.exit_code == 0, done.output
    return read(Path("pay-faces.csv"))


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """Run the whole study once."""
    here = tmp_path_factory.mktemp("rehearsal")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setenv("STUDY_SECRET_KEY", SECRET)
        for name in ("STUDY_DATABASE_URL", "STUDY_INSTANCE", "STUDY_PUBLIC_URL"):
            patch.delenv(name, raising=False)
        prepare_study(here)
        engine = open_engine(f"sqlite:///{here / 'instance' / 'study.sqlite'}")
        yield rehearse(here, engine)
        engine.dispose()


def rehearse(here: Path, engine: Engine) -> Rehearsal:
    people = recruits()
    server = Server(here, engine.url.render_as_string(hide_password=False))
    address = server.address
    with started(server):
        try_out(address, engine)
        run("study", "freeze", "faces", "--plan", "plan.toml")
        run("study", "open", "faces")
        link, *lines = run("study", "recruit", "faces", "prolific").splitlines()
        codes = dict(line.split() for line in lines)
        shown_codes = {one.pid: send(one, address, link, engine) for one in people[:EARLY]}
        run("study", "export", "faces", "--out", "early/responses.csv")
        shown_codes |= {one.pid: send(one, address, link, engine) for one in people[EARLY:]}
    stub = Stub([row for person in people for row in person.submissions(codes)], page_size=20)
    sheet = settle(stub)
    run("study", "close", "faces")
    run("study", "export", "faces")
    done = run_here(report, "responses.csv", "--design", "design.json", "--out", "report")
    assert done.returncode == 0, done.stderr
    return Rehearsal(
        people, codes, shown_codes, stub, sheet, read(here / "early" / "responses.csv"),
        read(here / "responses.csv"), read(here / "participants.csv"),
        json.loads((here / "report" / "report.json").read_text()),
    )  # fmt: skip


def test_every_participant_gets_the_code_of_their_outcome(rehearsal: Rehearsal) -> None:
    for person in rehearsal.people:
        code = rehearsal.codes["complete"] if person.fate in FINISH else ""
        if person.fate is Fate.SCREENED_OUT:
            code = rehearsal.codes["screened_out"]
        assert rehearsal.shown_codes[person.pid] == code, person


def test_there_is_one_record_per_consenting_participant(rehearsal: Rehearsal) -> None:
    live = [row for row in rehearsal.participants if row["mode"] == "live"]
    assert Counter(row["outcome"] for row in live) == {
        "complete": PLANNED, "returned": 3, "timed_out": 3, "screened_out": 2, "abandoned": 1,
    }  # fmt: skip
    assert Counter(row["mode"] for row in rehearsal.participants) == {"live": 39, "preview": 1}


def test_the_pay_sheet_has_an_action_and_a_reason_per_submission(rehearsal: Rehearsal) -> None:
    second = [f"participant’s second submission; see {pid}-1" for pid in rehearsal.of(Fate.TWICE)]
    assert Counter((row["action"], row["reason"]) for row in rehearsal.sheet) == {
        ("pay", "complete"): 26,
        ("pay", "finished, but submitted with an unknown code N0C0DE"): 1,
        (
            "decide",
            f"finished, but 0 of {ATTENTION_CHECKS} attention checks correct (8 required)",
        ): 3,
        ("decide", f"outcome in the study: timed out, 6 of {ALL} trials answered"): 1,
        ("decide", f"outcome in the study: screened out, 0 of {ALL} trials answered"): 2,
        ("nothing", "returned on the platform"): 3,
        ("nothing", "timed out on the platform"): 2,
        ("nothing", "left before giving consent"): 1,
        ("wait", "still in progress"): 1,
    } | {("decide", reason): 1 for reason in second}


def test_exactly_the_payable_submissions_are_approved(rehearsal: Rehearsal) -> None:
    asked = [(path, body) for method, path, body in rehearsal.stub.heard if method == "POST"]
    paid = [row["submission"] for row in rehearsal.sheet if row["action"] == "pay"]
    approval = {"action": "APPROVE"}
    assert asked == [(f"/api/v1/submissions/{one}/transition/", approval) for one in paid]


def test_exports_are_blinded_until_the_planned_sample_is_complete(rehearsal: Rehearsal) -> None:
    early = [row for row in rehearsal.early if row["mode"] == "live"]
    assert early
    assert {row["truth"] for row in early} == {""}
    assert {row["truth"] for row in rehearsal.late} == {"left", "right"}


def test_the_report_matches_the_frozen_design(rehearsal: Rehearsal) -> None:
    report = rehearsal.report
    assert (report["design"]["verdict"], report["design"]["deviations"]) == ("match", [])
    people = report["methods"]["gan"]["participants"]
    assert people == PLANNED - len(rehearsal.of(Fate.CARELESS))
    assert report["methods"]["gan"]["trials"] == people * TRIALS


def test_every_exclusion_has_its_planned_reason(rehearsal: Rehearsal) -> None:
    assert rehearsal.report["exclusions"]["by_reason"] == {
        "incomplete": sum(len(rehearsal.of(fate)) for fate in HALF_WAY),
        "returned": len(rehearsal.of(Fate.RETURNED)),
        "attention_checks": len(rehearsal.of(Fate.CARELESS)),
    }
