"""One person in two studies of a server, from the first consent to the report's exclusions."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from analysis.exclusions.flow import apply_exclusions
from analysis.inputs.responses import select_study
from analysis.inputs.sources import read_responses
from study_server.app import create_app
from study_server.clock import now
from study_server.errors import StudyError
from study_server.export.csv_files import export_study
from study_server.participants.withdrawal import anonymize_participants
from study_server.protocol.model import Protocol
from study_server.settings import Settings
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Identity, Study
from study_server.studies import lookup
from study_server.studies.exclusion_counts import list_participant_summaries
from study_server.vocabulary import Mode, StudyState
from tests.attacks.answering import answer_all
from tests.conftest import SECRET, short_protocol
from tests.databases import open_prepared
from tests.imported_studies import open_study

KEY = "a key of pseudonyms for tests"


def linked_protocol(slug: str, *excluded: str) -> Protocol:
    return short_protocol(slug, linked=True, entry="recruited", exclude_studies=excluded)


@dataclasses.dataclass
class Lab:
    """A server with two linked studies and one that is not linked."""

    engine: Engine
    client: FlaskClient
    url: str

    def arrive(self, slug: str, person: str) -> int:
        """Give consent with a Prolific ID and answer everything; return the status of consent."""
        entry = f"/s/{slug}?PROLIFIC_PID={person}&STUDY_ID=s&SESSION_ID=e"
        reply = self.client.post(entry, data={"consent": "yes"})
        if reply.status_code == 303:
            answer_all(self.client, str(reply.location).partition("?")[0])
        return reply.status_code

    def reasons(self, slug: str) -> dict[str, tuple[str, ...]]:
        """Return the reasons for exclusion by participant, as the report computes them."""
        responses = read_responses(self.url)
        sample = apply_exclusions(responses, select_study(responses, slug))
        return sample.reasons_by_participant()

    def count_repeated(self, slug: str) -> int:
        return sum("repeated" in reasons for reasons in self.reasons(slug).values())


@pytest.fixture
def lab(tmp_path: Path, manifest: Path) -> Iterator[Lab]:
    url = f"sqlite:///{tmp_path / 'study.sqlite'}"
    engine = open_prepared(url)
    for protocol in (linked_protocol("first"), linked_protocol("second"), short_protocol("alone")):
        open_study(engine, protocol, manifest, tmp_path / "instance")
    settings = Settings(
        database_url=url, instance_folder=tmp_path / "instance", secret_key=SECRET, person_key=KEY
    )
    yield Lab(engine, create_app(settings, engine).test_client(), url)
    engine.dispose()


def test_the_repeated_rule_fires_across_two_studies_of_a_server(lab: Lab, tmp_path: Path) -> None:
    for slug, person in (("first", "ann"), ("second", "ann"), ("second", "bob"), ("first", "bob")):
        assert lab.arrive(slug, person) == 303
    assert (lab.count_repeated("first"), lab.count_repeated("second")) == (1, 1)
    with read_session(lab.engine) as db:
        study = lookup.find_study(db, "second")
        on_page = {p.public_id: p.reasons for p in list_participant_summaries(db, study)}
        assert on_page == lab.reasons("second")
        export_study(db, study, tmp_path / "responses.csv", tuple(Mode), blinded=False)
    exported = read_responses(str(tmp_path / "responses.csv"))
    persons = exported.distinct("person")
    assert len(persons) == 2
    assert all(len(person) == 17 and person.startswith("u") for person in persons)
    assert persons[0] in (tmp_path / "participants.csv").read_text()
    reason = apply_exclusions(exported, exported).not_applicable["repeated"]
    assert "the input contains only this study" in reason


def test_an_unlinked_study_stores_no_pseudonym_and_says_why(lab: Lab) -> None:
    assert lab.arrive("alone", "ann") == 303
    assert lab.arrive("first", "ann") == 303
    responses = read_responses(lab.url)
    sample = apply_exclusions(responses, select_study(responses, "alone"))
    assert "this study is not linked with others" in sample.not_applicable["repeated"]
    with read_session(lab.engine) as db:
        of_study = select(Identity.person).join(Study, Study.id == Identity.study_id)
        assert db.scalars(of_study.where(Study.slug == "alone")).all() == [None]
        (person,) = db.scalars(of_study.where(Study.slug == "first"))
    assert person is not None
    assert "ann" not in person


def exclude_the_first(lab: Lab) -> None:
    """Let the second study exclude participants of the first."""
    protocol = linked_protocol("second", "first")
    with write_transaction(lab.engine) as db:
        lookup.find_study(db, "second").protocol = protocol.canonical_json()


def test_participants_of_an_excluded_study_cannot_take_part(lab: Lab) -> None:
    exclude_the_first(lab)
    assert lab.arrive("first", "ann") == 303
    page = lab.client.get("/s/second?PROLIFIC_PID=ann&STUDY_ID=s&SESSION_ID=e")
    assert page.status_code == 403
    assert "only for people who have not taken part in our earlier studies" in page.text
    assert lab.arrive("second", "ann") == 403
    assert lab.arrive("second", "bob") == 303


def test_consent_without_a_trial_does_not_exclude(lab: Lab) -> None:
    exclude_the_first(lab)
    entry = "/s/first?PROLIFIC_PID=ann&STUDY_ID=s&SESSION_ID=e"
    assert lab.client.post(entry, data={"consent": "yes"}).status_code == 303
    assert lab.arrive("second", "ann") == 303


def test_anonymization_ends_the_link(lab: Lab) -> None:
    exclude_the_first(lab)
    assert lab.arrive("first", "ann") == 303
    with write_transaction(lab.engine) as db:
        assert anonymize_participants(db, lookup.find_study(db, "first"), now()) == 1
    assert lab.arrive("second", "ann") == 303
    assert lab.count_repeated("second") == 0


def test_people_without_a_lasting_id_are_not_recognized(lab: Lab) -> None:
    reply = lab.client.post("/s/first?survey_code=77", data={"consent": "yes"})
    assert reply.status_code == 303
    with read_session(lab.engine) as db:
        assert db.scalars(select(Identity.person)).all() == [None]


def test_a_linked_study_needs_the_key(lab: Lab) -> None:
    with read_session(lab.engine) as db:
        study = lookup.find_study(db, "first")
        assert study.state is StudyState.OPEN
        lookup.require_person_key(study, KEY)
        lookup.require_person_key(lookup.find_study(db, "alone"), "")
        with pytest.raises(StudyError, match=r"linked = true, but STUDY_PERSON_KEY is not set"):
            lookup.require_person_key(study, "")


@pytest.mark.parametrize(
    ("slug", "message"),
    [("nobody", "no study 'nobody'"), ("alone", "study 'alone' has linked = false")],
)
def test_only_linked_studies_can_be_excluded(lab: Lab, slug: str, message: str) -> None:
    with read_session(lab.engine) as db, pytest.raises(StudyError, match=message):
        lookup.require_linked_studies(db, linked_protocol("third", slug))
