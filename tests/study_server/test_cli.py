"""The `study` command as a researcher types it."""

import csv
import hashlib
import json
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import click
import pytest
from PIL import Image
from sqlalchemy import Engine, select

from study_server import commands as families
from study_server.cli import commands
from study_server.clock import now
from study_server.participants.enrollment import enroll_participant
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.study_toml import format_toml
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource
from study_server.wording.files import write_wording
from tests.commands import Run, call
from tests.conftest import SECRET, short_protocol, write_stimuli
from tests.faults.servers import Server, started
from tests.study_server.acting import LEFT, begin, respond, upcoming
from tests.study_server.planting import plant, read_pixels, read_rows


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with no settings but the defaults."""
    monkeypatch.chdir(tmp_path)
    for name in ("STUDY_DATABASE_URL", "STUDY_SECRET_KEY", "STUDY_PUBLIC_URL", "STUDY_INSTANCE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "study.toml").write_text(format_toml(short_protocol()))
    write_wording(short_protocol(), tmp_path / "wording")
    return tmp_path


def fill_in(folder: Path) -> None:
    """Fill in what only the researcher knows."""
    for file in folder.rglob("*.md"):
        file.write_text(file.read_text().replace("[...", "Ada,"))


study = partial(call, "study")


def study_process(*arguments: object) -> Run:
    """Run the installed command."""
    command = [str(Path(sys.executable).with_name("study")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


def assert_refused(run: Run, *words: str) -> None:
    """One line on stderr, exit code 2, nothing else."""
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1, run.stderr
    assert run.stdout == ""
    for word in words:
        assert word in run.stderr


def test_every_command_has_its_place_in_the_manual() -> None:
    names = [m.name for m in walk_packages(families.__path__, f"{families.__name__}.")]
    things = [thing for name in names for thing in vars(import_module(name)).values()]
    written = {thing for thing in things if isinstance(thing, click.Command)}
    context = click.Context(commands)
    listed = {commands.get_command(context, name) for name in commands.list_commands(context)}
    groups = [command for command in listed if isinstance(command, click.Group)]
    assert written == listed.union(*(group.commands.values() for group in groups))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_traces_are_erased_by_cron_or_when_nobody_is_answering(
    here: Path, engine_with_answers: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    with read_session(engine_with_answers) as db:
        first, second = db.scalars(select(Participant.public_id))
    with write_transaction(engine_with_answers) as db:
        person = db.scalars(select(Participant).where(Participant.public_id == second)).one()
        person.outcome, person.last_seen_at = Outcome.ACTIVE, now()
    output = study("forget", "short", first).stdout.splitlines()
    assert output[0] == f"short: {first} deleted"
    assert "erased later, within 24 hours" in output[1]
    assert study("jobs", "run").stdout == study("jobs", "list").stdout
    assert "waiting, waits until nobody is answering" in study("jobs", "list").stdout
    assert study("forget", "short", second).stdout == f"short: {second} deleted\n"
    assert study("jobs", "list").stdout == "no jobs\n"
    assert study("jobs", "run").stdout == ""


@pytest.mark.slow(6)
def test_from_a_manifest_to_an_export(here: Path, manifest: Path) -> None:
    run = study("import", "study.toml", manifest)
    assert "short: 48 stimuli stored in " in run.stdout
    assert "audit of 12 images: no warnings; it looked at lightness and colors" in run.stdout
    assert "fill in before `study freeze`: wording/en/consent.md:" in run.stdout
    assert_refused(study("open", "short"), "not frozen", "study freeze short")
    assert_refused(study("freeze", "short"), "has texts to fill in: en/consent.md:", "study reword")
    fill_in(here / "wording")
    assert study("reword", "study.toml").stdout == "short: 4 texts stored\n"
    assert "SHA-256" in study("freeze", "short").stdout
    assert study("open", "short").stdout == "short: open; http://127.0.0.1:8000/s/short\n"
    run = study("simulate", "short", 2, "--rates", "l2=0.2,mcl=0.3")
    assert run.stdout.startswith("short: 2 of 2 simulated participants finished; "), run.stderr
    assert not (here / "instance" / "address").exists()
    exported, following = study("export", "short").stdout.splitlines()
    assert exported == (
        "responses.csv: 14 trials from 2 participants; beside it: judgments.csv, timing.csv, "
        "incidents.csv, "
        "participants.csv, questionnaire.csv, link_parameters.csv, unblinding.csv, changes.csv, "
        "codebook.csv, design.json"
    )
    assert following == "next, run `python -m analysis.report responses.csv --out report`"
    assert all((here / name).is_file() for name in exported.rpartition(": ")[2].split(", "))
    with (here / "responses.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["mode"] for row in rows} == {"simulated"}
    assert {row["truth"] for row in rows} == {"left", "right"}
    design = hashlib.sha256((here / "design.json").read_bytes()).hexdigest()
    assert {row["design_sha256"] for row in rows} == {design}
    (gone, _) = sorted({row["participant"] for row in rows})
    assert study("forget", "short", gone).stdout == f"short: {gone} deleted\n"
    assert study("status").stdout == "short: open; 1 simulated; 7 responses\n"
    assert study("export", "short", "--mode", "live").stdout.startswith("responses.csv: 0 trials")
    status = json.loads(study("status", "short", "--json").stdout)
    assert (
        status["state"],
        status["is_frozen"],
        status["participants_by_outcome"]["simulated"],
    ) == (
        "open",
        True,
        1,
    )
    assert json.loads(study("status", "--json").stdout) == [status]
    assert "Psych-DS dataset" in study("export", "short", "--psych-ds", "shared").stdout
    assert (here / "shared" / "dataset_description.json").exists()
    assert_refused(study("export", "short", "--psych-ds", "shared"), "shared already exists")
    for out in ("short.zip", "folder"):
        assert study("bundle", "short", "--out", out).stdout.startswith(f"{out}: 10 files")
        assert_refused(study("bundle", "short", "--out", out), f"{out} already exists")


def test_the_number_at_which_enrollment_stops_is_changed_by_a_command(
    here: Path, manifest: Path
) -> None:
    study("import", "study.toml", manifest)
    stops = "short: enrollment stops at 10 participants\n"
    assert study("stop-at", "short", 10).stdout == stops
    assert study("stop-at", "short", 0).stdout == "short: enrollment has no limit\n"
    assert_refused(study("stop-at", "none", 5), "no study 'none'")
    at_most = "short: at most 20 participants from prolific\n"
    assert study("quota", "short", "prolific", 20).stdout == at_most
    assert study("quota", "short").stdout == at_most
    assert study("quota", "short", "prolific", "none").stdout == "short: no quotas\n"
    assert_refused(study("quota", "short", "prolific", "many"), "'many' is not a number")
    assert study("quota", "short", "prolific").returncode == 2


def test_researchers_and_tags_are_managed_by_commands(here: Path, manifest: Path) -> None:
    assert study("researcher", "list").stdout == "no researchers; run `study researcher add NAME`\n"
    link = study("researcher", "invite", "bob").stdout
    assert link.startswith("http://127.0.0.1:8000/researcher/enter/")
    assert study("researcher", "role", "bob", "owner").stdout == "bob: owner\n"
    assert study("researcher", "list").stdout == "bob: owner, by sign-in link only\n"
    assert_refused(study("researcher", "role", "bob", "viewer"), "bob is the last owner")
    study("import", "study.toml", manifest)
    assert study("tag", "short", "pilot", "2026").stdout == "short: 2026, pilot\n"
    assert study("tag", "short").stdout == "short: no tags\n"
    assert_refused(study("tag", "short", "a/b"), "is not a tag")


@pytest.mark.slow(0.3)
def test_unblinding_by_the_command_line_is_logged(here: Path, manifest: Path) -> None:
    study("import", "study.toml", manifest)
    with sqlite3.connect("instance/study.sqlite") as database:
        database.execute("UPDATE study SET state = 'open'")
    study("export", "short")
    assert (here / "unblinding.csv").read_text() == "study,unblinded_at,by,complete\n"
    study("export", "short", "--unblind")
    study("export", "short")
    (_, look) = (here / "unblinding.csv").read_text().splitlines()
    assert look.endswith(',"command line",0')


def test_new_writes_a_file_that_import_takes(here: Path, manifest: Path) -> None:
    run = study("new", "mine", "--out", "mine.toml")
    assert run.stdout.startswith(
        "mine.toml and wording-mine: edit these files, then run `study import mine.toml"
    )
    fill_in(here / "wording-mine")
    run = study("import", "mine.toml", manifest)  # zhang2016 wants 54 photographs
    assert_refused(run, "12 photographs, but each participant needs 54")


def test_new_keeps_a_file_that_is_there(here: Path) -> None:
    before = (here / "study.toml").read_text()
    assert_refused(study("new", "mine"), "study.toml already exists")
    assert (here / "study.toml").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "study.toml", "nowhere.csv"), ("nowhere.csv", "colorizer batch")),
        (("import", "nothing.toml", "x.csv"), ("nothing.toml", "study new")),
        (("open", "nobody"), ("no study 'nobody'", "none yet")),
        (("export", "nobody"), ("no study 'nobody'",)),
        (("simulate", "nobody", "3"), ("no study 'nobody'",)),
        (("simulate", "short", "0"), ("N",)),
        (
            ("simulate", "short", "1", "--rates", "l2"),
            ("is not METHOD=NUMBER,..., such as l2=0.226",),
        ),
        (("simulate", "short", "1", "--rates", "l2=22"), ("between 0 and 1",)),
        (("export", "short", "--mode", "dead"), ("live, preview, simulated",)),
        (("serve",), ("STUDY_SECRET_KEY", "openssl rand")),
        (("preview", "short"), ("STUDY_SECRET_KEY", "openssl rand")),
        (("new", "no good"), ("slug = 'no good'",)),
        (("new", "q", "--out", "/proc/x/study.toml"), ("/proc/x",)),
        (("frobnicate",), ("No such command",)),
        (("open",), ("Missing argument",)),
        (("freeze", "short", "--plan", "plan.toml"), ("plan.toml: no such file",)),
        (("forget", "nobody", "p1"), ("no study 'nobody'",)),
        (("backup", "study.toml"), ("study.toml already exists",)),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], words: tuple[str, ...], here: Path
) -> None:
    assert_refused(study(*arguments), *words)


@pytest.mark.slow(3)
def test_the_installed_command_does_the_same(here: Path, manifest: Path) -> None:
    assert "48 stimuli stored" in study_process("import", "study.toml", manifest).stdout
    assert_refused(study_process("open", "short"), "not frozen", "study freeze short")


@pytest.mark.slow(3)
def test_a_restored_backup_keeps_the_replaced_database(here: Path, manifest: Path) -> None:
    assert study("import", "study.toml", manifest).returncode == 0
    assert study("backup", "kept.sqlite").stdout.startswith("kept.sqlite: ")
    assert study("simulate", "short", 1, "--rates", "l2=0.2,mcl=0.3").returncode == 0
    run = study("restore", "kept.sqlite")
    assert run.stdout.startswith("kept.sqlite: restored; the previous database is in /"), run.stderr
    assert study("status").stdout == "short: draft; no participants; 0 responses\n"
    (replaced,) = (here / "instance" / "backups").iterdir()
    run = study("restore", replaced)
    assert "1 simulated; 7 responses" in study("status").stdout
    assert "is back; if they had withdrawn, run `study forget short p" in run.stderr
    assert_refused(study("restore", "nothing.sqlite"), "nothing.sqlite: no such file")


def test_a_responses_file_may_not_take_a_neighbours_name(here: Path, manifest: Path) -> None:
    assert study("import", "study.toml", manifest).returncode == 0
    assert_refused(study("export", "short", "--out", "participants.csv"), "this name is used")
    assert not (here / "participants.csv").exists()


def import_and_open(here: Path, manifest: Path) -> None:
    """Import the short study with all texts filled in, freeze and open it."""
    fill_in(here / "wording")
    assert study("import", "study.toml", manifest).returncode == 0
    assert study("freeze", "short").returncode == 0
    assert study("open", "short").returncode == 0


def enroll(answers: int) -> None:
    """Let a live participant of the short study give this many answers."""
    engine = open_engine("sqlite:///instance/study.sqlite")
    with write_transaction(engine) as db:
        source = RecruitmentSource.PROLIFIC
        person = enroll_participant(db, find_study(db, "short"), "p1", Mode.LIVE, source)
        for trial in upcoming(db, person)[:answers]:
            begin(db, person, trial)
            respond(db, person, trial, SubmittedResponse(LEFT, 812, 100.1, 99.9))
    engine.dispose()


def write_reports(here: Path) -> Path:
    """Write what the folder of the short study's reports can contain, and return it."""
    reports = here / "instance" / "reports" / "short"
    (reports / "simulated").mkdir(parents=True)
    for name in ("report.html", "simulated/report.html", "monitor.json", "power.json"):
        (reports / name).write_text("{}")
    return reports


@pytest.mark.slow(0.3)
def test_a_study_that_nobody_answered_is_imported_again(here: Path, manifest: Path) -> None:
    import_and_open(here, manifest)
    assert_refused(study("import", "study.toml", manifest, "--yes"), "is open", "study pause short")
    study("pause", "short")
    (before,) = (here / "instance" / "stimuli").iterdir()
    run = study("import", "study.toml", manifest)
    assert run.returncode == 2
    assert "Replace study short (48 stimuli, the frozen design)?" in run.stderr
    assert "nobody answered, so nothing was changed; scripts need --yes" in run.stderr
    assert study("import", "study.toml", manifest, typed="n\n").returncode == 2
    reports = write_reports(here)
    assert before.is_dir()
    assert study("import", "study.toml", manifest, typed="y\n").returncode == 0
    (after,) = (here / "instance" / "stimuli").iterdir()
    assert after != before
    assert [file.name for file in reports.iterdir()] == ["power.json"]  # of the plan, not the data
    assert study("status").stdout == "short: draft; no participants; 0 responses\n"


def test_a_study_with_live_answers_is_not_replaced(here: Path, manifest: Path) -> None:
    import_and_open(here, manifest)
    enroll(answers=1)
    study("close", "short")
    run = study("import", "study.toml", manifest, "--yes")
    assert_refused(run, "already exists and has 1 live answer; change the slug")


@pytest.mark.slow(0.4)
def test_a_study_is_deleted_for_good(here: Path, manifest: Path) -> None:
    import_and_open(here, manifest)
    enroll(answers=2)
    assert_refused(study("delete", "short", "--yes"), "is open", "study pause short")
    study("close", "short")
    run = study("delete", "short", typed="shirt\n")
    assert "48 stimuli, 1 live participant, 2 live answers, the frozen design" in run.stderr
    assert "you did not type 'short', so nothing was deleted" in run.stderr
    assert study("export", "short").returncode == 0
    reports = write_reports(here)
    run = study("delete", "short", typed="short\n")
    assert run.stdout.startswith("short: deleted; backups made before, such as those in ")
    assert study("status").stdout == ""
    assert list((here / "instance" / "stimuli").iterdir()) == []
    assert not reports.exists()
    with closing(sqlite3.connect("instance/study.sqlite")) as database:
        for table in ("study", "participant", "identity", "trial", "response", "stimulus"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert study("jobs", "list").stdout == "no jobs\n"


def test_reopening_a_closed_study_asks_and_is_logged(here: Path, manifest: Path) -> None:
    import_and_open(here, manifest)
    study("close", "short")
    run = study("open", "short", typed="n\n")
    assert run.returncode == 2
    assert "Reopening it is logged permanently as an early unblinding" in run.stderr
    assert study("status").stdout.startswith("short: closed")
    run = study("open", "short", "--yes")
    assert run.stdout.startswith("short: open; logged as an early unblinding; http")
    study("export", "short")
    assert "command line (reopened the study)" in (here / "unblinding.csv").read_text()


def test_two_studies_share_a_folder_without_replacing_files(here: Path, manifest: Path) -> None:
    import_and_open(here, manifest)
    (here / "other.toml").write_text(format_toml(short_protocol("other")))
    assert study("import", "other.toml", manifest).returncode == 0
    assert study("freeze", "other").stdout.startswith("design-other.json: SHA-256 ")
    assert json.loads((here / "design.json").read_text())["study"] == "short"
    assert study("export", "short").returncode == 0
    run = study("export", "other")
    assert_refused(run, "has files of study 'short'; use --out other/responses.csv")
    assert study("export", "other", "--out", "other/responses.csv").returncode == 0
    assert json.loads((here / "other" / "design.json").read_text())["study"] == "other"


@pytest.mark.slow(2)
def test_links_begin_with_the_address_that_serves(
    here: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)
    study("import", "study.toml", manifest)
    run = study("recruit", "short", "prolific")
    assert run.stdout.startswith("http://127.0.0.1:8000/s/short?PROLIFIC_PID=")
    assert run.stderr.startswith("warning: these links only work on this computer; set STUDY_PUBL")
    server = Server(here, f"sqlite:///{here}/instance/study.sqlite")
    with started(server):
        for command in (("preview", "short"), ("invite", "short", 1)):
            assert study(*command).stdout.startswith(f"{server.address}/s/short?invitation=")
    assert not (here / "instance" / "address").exists()
    assert study("preview", "short").stdout.startswith("http://127.0.0.1:8000/s/short")
    monkeypatch.setenv("STUDY_PUBLIC_URL", "https://lab.example.org/study/")
    run = study("recruit", "short", "sona")
    assert run.stdout == "https://lab.example.org/study/s/short?survey_code=%SURVEY_CODE%\n"
    assert run.stderr == ""
    monkeypatch.setenv("STUDY_PUBLIC_URL", "http://lab.example.org")
    assert "because of http; set STUDY_PUBLIC_URL" in study("invite", "short", 1).stderr


@pytest.mark.slow(2)
def test_a_port_in_use_is_reported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = study_process("serve", "--port", taken.getsockname()[1])
    assert_refused(run, "use another --port")


def test_a_database_of_something_else_is_refused_and_kept(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect("other.sqlite") as other:
        other.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        other.execute("INSERT INTO alembic_version VALUES ('9999')")
    other.close()
    monkeypatch.setenv("STUDY_DATABASE_URL", "sqlite:///other.sqlite")
    assert_refused(study("status"), "schema 9999", "another STUDY_DATABASE_URL")


def test_the_settings_say_where_things_lie(
    here: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_INSTANCE", "elsewhere")
    monkeypatch.setenv("STUDY_DATABASE_URL", "sqlite:///data.sqlite")
    assert study("import", "study.toml", manifest).returncode == 0
    assert len(list((here / "elsewhere" / "stimuli").rglob("*.png"))) == 48
    assert (here / "data.sqlite").is_file()
    assert not (here / "instance").exists()


def test_confounds_are_listed_and_can_be_accepted(here: Path) -> None:
    manifest = write_stimuli(here / "outputs", 12)
    for number in range(7):
        image = f"photo-{number:03}"
        plant(manifest, image, "mcl", read_pixels(manifest, image, "mcl") // 2)
    run = study("import", "study.toml", manifest)
    assert run.returncode == 2
    lines = run.stderr.splitlines()
    assert lines[0].startswith("warning: lightness: mcl of photo-000 differs in lightness")
    assert lines[5] == "warning: lightness: and 2 more"
    assert "manifest.csv: the audit found 0 errors and 7 warnings; fix them, or" in lines[6]
    assert len(lines) == 7
    run = study("import", "study.toml", manifest, "--accept")
    assert run.returncode == 0
    assert "audit of 12 images: 7 warnings accepted; it looked at " in run.stdout
    assert run.stderr.splitlines() == lines[:6]


def test_manifest_and_import_say_what_they_convert_and_skip(here: Path) -> None:
    for method, kind in (("real", "jpg"), ("gan", "png")):
        (here / method).mkdir()
        Image.new("RGB", (8, 8)).save(here / method / f"a.{kind}")
    (here / "gan" / "a.heic").touch()
    run = study("manifest", "--method", "real=real", "--method", "gan=gan")
    assert run.stderr == (
        "gan: skipped 1 file of other kinds: 1 .heic\n"
        "study import will convert to 8-bit sRGB: 1 from JPEG\n"
    )
    assert run.stdout.startswith("manifest.csv: 2 stimuli; next, run")


def test_folders_of_images_become_a_manifest(here: Path) -> None:
    listed = read_rows(write_stimuli(here / "outputs", 3))
    options = [f"--method={method}=outputs/{method}" for method in ("real", "l2", "mcl", "foil")]
    run = study("manifest", *options)
    assert run.stdout == (
        "manifest.csv: 12 stimuli; next, run `study import study.toml manifest.csv`\n"
    )
    expected = [row | {"file": f"outputs/{row['file']}", "checkpoint": ""} for row in listed]
    assert read_rows(here / "manifest.csv") == expected


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (("real",), "'real' is not NAME=FOLDER, such as gan=fakes"),
        (("=folder",), "'=folder' is not NAME=FOLDER, such as gan=fakes"),
        (("real=a", "real=b"), "a method is given twice"),
        (("real=nowhere",), "--method real=nowhere: no such folder"),
        ((), "Missing option '--method'"),
    ],
)
def test_a_mistake_in_a_folder_is_one_line(
    methods: tuple[str, ...], message: str, here: Path
) -> None:
    assert_refused(study("manifest", *(f"--method={method}" for method in methods)), message)


def test_a_linked_study_is_neither_opened_nor_served_without_its_key(
    here: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "study.toml").write_text(format_toml(short_protocol(linked=True)))
    fill_in(here / "wording")
    assert study("import", "study.toml", manifest).returncode == 0
    assert study("freeze", "short").returncode == 0
    assert_refused(study("open", "short"), "STUDY_PERSON_KEY is not set", "openssl rand")
    monkeypatch.setenv("STUDY_PERSON_KEY", "a key of pseudonyms for tests")
    assert study("open", "short").returncode == 0
    monkeypatch.delenv("STUDY_PERSON_KEY")
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)
    assert_refused(study("serve"), "study 'short' has linked = true")
