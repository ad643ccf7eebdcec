"""Every task from enrollment to export, with simulated people over HTTP."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from study_server.export.csv_files import export_study
from study_server.participants import enrollment, replacement
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.image_draws import ImagePools
from study_server.protocol.model import Protocol
from study_server.protocol.schedule import PlannedTrial, plan_trials
from study_server.settings import Settings
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage import plan_counts
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.storage.models import Response, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind
from tests.apps import open_app
from tests.conftest import SECRET, short_protocol, simulate
from tests.databases import open_prepared
from tests.imported_studies import open_study
from tests.study_server.acting import begin, respond, upcoming
from tests.study_server.tasks.test_answers_of_tasks import SETTINGS, protocol_of

TASKS = sorted(SETTINGS)
POPULATION = SimulatedPopulation({"l2": 0.2, "mcl": 0.3}, strengths={"l2": 0.0, "mcl": 0.5})
Rows = list[dict[str, str]]


def serve(task: str, folder: Path, manifest: Path, **changes: Any) -> Flask:
    url = f"sqlite:///{folder / 'study.sqlite'}"
    engine = open_prepared(url)
    protocol = short_protocol(
        task.replace("_", "-"), task=task, **SETTINGS[task], attention_checks=2, **changes
    )
    open_study(engine, protocol, manifest, folder / "instance")
    settings = Settings(database_url=url, instance_folder=folder / "instance", secret_key=SECRET)
    return open_app(settings, engine)


def read(file: Path) -> Rows:
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(params=TASKS, scope="module")
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, manifest: Path
) -> Iterator[tuple[str, Rows, Rows, Rows]]:
    """Simulate two people; yield the task, responses, judgments and participants."""
    folder = tmp_path_factory.mktemp(request.param)
    app = serve(request.param, folder, manifest)
    slug = request.param.replace("_", "-")
    assert simulate(app, slug, 2, POPULATION) == 2
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, slug)
        assert plan_counts.find_differences(db, study) == []
        export_study(db, study, folder / "responses.csv", list(Mode), blinded=False)
    tables = (read(folder / f"{name}.csv") for name in ("responses", "judgments", "participants"))
    yield request.param, *tables
    app.extensions["engine"].dispose()


def test_everybody_finishes_and_every_candidate_is_judged(
    exported: tuple[str, Rows, Rows, Rows],
) -> None:
    task, responses, judgments, people = exported
    candidates = 1 if task == "rating" else 3
    assert {row["outcome"] for row in people} == {"complete"}
    assert {row["task"] for row in responses} == {task}
    assert {row["candidates"] for row in responses} == {str(candidates)}
    for column in ("question", "image", "method", "real_image", "truth", "answer"):
        assert {row[column] for row in responses} == {""}
    keys = Counter((row["participant"], row["position"], row["scale"]) for row in judgments)
    assert set(keys.values()) == {candidates}
    scales = ["quality", "warmth"] if task == "rating" else ["rank"]
    assert sorted({row["scale"] for row in judgments}) == scales
    assert all((row["rank"] != "") != (row["score"] != "") for row in judgments)
    assert all(row["shown_ms"] for row in judgments)


def test_attention_checks_show_the_foil_with_its_photograph_and_are_passed(
    exported: tuple[str, Rows, Rows, Rows],
) -> None:
    _, _, judgments, people = exported
    checks = [row for row in judgments if row["kind"] == "attention"]
    for person in people:
        own = {
            (row["image"], row["method"])
            for row in checks
            if row["participant"] == person["participant"]
        }
        foils = {image for image, method in own if method == "foil"}
        assert foils == {image for image, method in own if method == "real"}
        assert person["attention_checks_planned"] == "2"
        assert person["attention_checks_correct"] in ("1", "2") or len(foils) == 1


def test_practice_has_no_feedback_and_the_end_no_score(tmp_path: Path, manifest: Path) -> None:
    app = serve("preference", tmp_path, manifest)
    client = app.test_client()
    texts = client.get("/api/v1/studies/preference").get_json()
    assert (texts["task"], texts["question"]) == ("preference", "")
    consent = {"consent": True, "consent_version": texts["texts"]["en"]["consent_version"]}
    token = client.post(
        "/api/v1/studies/preference/participants", json=consent | {"language": "en"}
    ).get_json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    batch = client.post("/api/v1/resume", headers=headers, json={}).get_json()
    while batch["trials"]:
        (trial, *_) = batch["trials"]
        assert (len(trial["slots"]), trial["timing"]["feedback_ms"]) == (3, None)
        body = {"answer": {"choice": 2}, "rt_ms": 900, "first_ms": 900}
        reply = client.post(f"/api/v1/trials/{trial['token']}/response", headers=headers, json=body)
        batch = reply.get_json()
        assert batch["feedback"] is None
    result = client.get("/api/v1/result", headers=headers).get_json()
    assert (result["outcome"], result["score"]) == ("complete", None)


def test_a_rated_foil_and_its_photograph_stay_together_when_one_is_interrupted(
    tmp_path: Path, manifest: Path
) -> None:
    app = serve("rating", tmp_path, manifest, practice=0)
    with write_session(app.extensions["engine"]) as db:
        study = find_study(db, "rating")
        person = enrollment.enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)
        scores = {"real": {"quality": 4, "warmth": 50}, "foil": {"quality": 1, "warmth": 50}}
        interrupted = False
        while trials := upcoming(db, person):
            (trial, *_) = trials
            if trial.kind is TrialKind.ATTENTION and not interrupted:
                begin(db, person, trial)
                replacement.void_interrupted_trials(db, person)
                interrupted = True
                continue
            (one,) = trial.candidates
            answer = {"scores": scores.get(one.method, scores["real"])}
            respond(db, person, trial, SubmittedResponse(answer, 900, 900))
        checks = select(Response.attention_passed, Trial.id).join(Trial, Response.trial)
        own = checks.where(Trial.kind == TrialKind.ATTENTION, Trial.voided.is_(False))
        assert [is_passed for is_passed, _ in db.execute(own)] == [True, True]
        assert person.outcome is Outcome.COMPLETE


def test_a_reference_and_a_caption_come_with_every_trial(tmp_path: Path, manifest: Path) -> None:
    header, *lines = manifest.read_text().splitlines()
    captioned = manifest.with_name("captioned.csv")
    captioned.write_text(
        "\n".join([f"{header},caption", *(f"{line},a house" for line in lines)]) + "\n"
    )
    app = serve("preference", tmp_path, captioned, reference="real", caption=True)
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "preference")
        person = enrollment.enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)
        base = f"/p/{person.token}"
    client = app.test_client()
    trials = client.post(f"{base}/resume", json={}).get_json()["trials"]
    for trial in trials:
        assert trial["caption"] == "a house"
        assert client.get(trial["reference"]).status_code == 200
    with read_session(app.extensions["engine"]) as db:
        for stored in db.scalars(select(Trial)):
            assert [one.role for one in stored.stimuli] == ["candidate"] * 3 + ["reference"]
            assert len({one.stimulus.image for one in stored.stimuli}) == 1


@dataclass
class Counts:
    """The counters that the planner reads, and those that this test checks."""

    views: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    slots: Counter[tuple[str, int]] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)

    def add(self, trials: list[PlannedTrial], sign: int) -> None:
        for trial in trials:
            for one in trial.candidates:
                self.views[one] += sign
            for pair in combinations(sorted(trial.methods), 2):
                self.pairs[pair] += sign
            for slot, one in enumerate(trial.candidates):
                self.slots[one.method, slot] += sign
            for image in trial.images:
                self.images[image] += sign


@pytest.mark.slow(1.7)
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("dropouts", [0, 20])
def test_methods_pairs_slots_and_images_are_balanced(dropouts: int, count: int) -> None:
    """One hundred people complete 40 trials each, of 5 methods and 100 source images.

    Those of the first hundred who drop out are counted until ten others have come, and others take
    their places.
    """
    methods = ("a", "b", "c", "d", "e")
    protocol: Protocol = protocol_of(
        "preference", methods=methods, candidates=count, include_real=False, trials=40,
        attention_checks=0, practice=0,
    )  # fmt: skip
    pools: ImagePools = dict.fromkeys(methods, tuple(f"i{n}" for n in range(100)))
    counts, leaving = Counts(), list[list[PlannedTrial]]()
    leavers = set(Random(count).sample(range(100), dropouts))
    for person in range(100 + dropouts):
        trials = plan_trials(protocol, pools, methods, counts.views, Random(person), counts.pairs)
        counts.add(trials, 1)
        leaving.append(trials if person in leavers else [])
        if person >= 10:
            counts.add(leaving[person - 10], -1)
    assert sum(counts.images.values()) == 100 * 40
    assert max(counts.images.values()) - min(counts.images.values()) <= 2
    by_method = Counter(method for (_, method), seen in counts.views.items() for _ in range(seen))
    for counted in (by_method, counts.pairs, counts.slots):
        even = sum(counted.values()) / len(counted)
        assert max(abs(number - even) for number in counted.values()) <= 0.05 * even
    assert (len(counts.pairs), len(counts.slots)) == (10, 5 * count)
