"""Run a study of a new task: `python -m tests.docs.new_task rehearse|play TASK`.

The current folder has its study.toml, and packages that know the task.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import select

from analysis.report import report
from study_server.export.csv_files import export_study
from study_server.protocol.study_toml import read_protocol
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Judgment
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode
from tests.browser.conftest import launch, window
from tests.browser.test_judged_tasks import enter, next_trial
from tests.conftest import LiveStudy, serve_study, simulate, write_stimuli

STRENGTHS = {"l2": -2.0, "mcl": 0.0, "real": 4.0, "foil": -8.0}


@contextmanager
def serve(folder: Path) -> Iterator[LiveStudy]:
    manifest = write_stimuli(folder / "stimuli", images=9, size=128)
    with serve_study(folder, manifest, read_protocol(Path("study.toml"))) as study:
        yield study


def rehearse(task: str) -> object:
    """Simulate two people, and return the numbers of the report."""
    folder = Path("rehearsal")
    with serve(folder) as study:
        assert simulate(study.app, study.slug, 2, SimulatedPopulation({}, strengths=STRENGTHS)) == 2
        with write_transaction(study.engine) as db:
            found = find_study(db, study.slug)
            assert found.task == task
            export_study(db, found, folder / "responses.csv", [Mode.SIMULATED], blinded=True)
    arguments = [str(folder / "responses.csv"), "--out", str(folder / "report")]
    done = CliRunner().invoke(report, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads((folder / "report" / "report.json").read_text())


def play(task: str) -> object:
    """Take part in Chromium with the key 2; return the question and the values of each trial."""
    with serve(Path("played")) as study, launch() as browser, window(browser) as page:
        enter(page, study)
        question = page.locator("#question").inner_text()
        for number in range(8):
            next_trial(page, number)
            page.keyboard.press("2")
        page.wait_for_url("**/debrief")
        with read_session(study.engine) as db:
            ordered = select(Judgment.value).order_by(Judgment.trial_id, Judgment.slot)
            values = list(db.scalars(ordered))
    return {"question": question, "values": [values[n : n + 3] for n in range(0, len(values), 3)]}


if __name__ == "__main__":
    run = {"rehearse": rehearse, "play": play}[sys.argv[1]]
    print(json.dumps(run(sys.argv[2])))
