"""Tests of saving a changed protocol: what it checks, deletes and adapts."""

import pytest
from sqlalchemy import Engine, func, select

from study_server.drafts.draft import StaleDraftError, draft_version, find_lock
from study_server.drafts.protocol_change import change_protocol
from study_server.drafts.protocol_errors import ProtocolFormError
from study_server.errors import StudyError
from study_server.jobs.queue import list_jobs, request_job
from study_server.participants import enrollment
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.engine import write_session, write_transaction
from study_server.storage.models import Participant, Study
from study_server.storage.plan_count_queries import load_planned_stimuli
from study_server.studies.design import AnalysisPlan, freeze_study
from study_server.studies.lookup import find_study
from study_server.vocabulary import JobKind, Mode, RecruitmentSource, StudyState, WordingPart
from study_server.wording.checks import find_unfilled_places
from study_server.wording.files import compose_wording
from study_server.wording.stored import load_wording, store_wording
from tests.conftest import short_protocol


@pytest.fixture
def draft(draft_engine: Engine) -> Engine:
    return draft_engine


def change(engine: Engine, **changes: object) -> str:
    """Save a changed protocol, and return what was done."""
    with write_session(engine) as db:
        study = find_study(db, "short")
        protocol = changed(study, **changes)
        done = change_protocol(db, study, protocol, version=draft_version(study))
        db.commit()
        return done.describe()


def changed(study: Study, **changes: object) -> Protocol:
    settings = parse_stored_protocol(study.protocol).model_dump(mode="json")
    return Protocol.model_validate(settings | changes)


def enroll(engine: Engine, *modes: Mode) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        for number, mode in enumerate(modes):
            enrollment.enroll_participant(db, study, f"p{number}", mode, RecruitmentSource.LINK)


def test_a_changed_protocol_deletes_who_rehearsed_under_the_old_one(draft: Engine) -> None:
    enroll(draft, Mode.PREVIEW, Mode.SIMULATED, Mode.SIMULATED)
    assert change(draft, trials=5, question="real") == (
        "Saved: question, trials. Deleted: 1 preview participant and 2 simulated participants, who "
        "took part under the old protocol"
    )
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        assert db.scalar(select(func.count()).select_from(Participant)) == 0
        assert (study.revision, study.question) == (1, "real")
        assert parse_stored_protocol(study.protocol).trials == 5
        assert [job.kind for job in list_jobs(db)] == [JobKind.ERASE_TRACES]
        assert set(load_planned_stimuli(db, study, Mode.SIMULATED).views.values()) <= {0}


def test_a_new_title_deletes_nobody(draft: Engine) -> None:
    enroll(draft, Mode.SIMULATED)
    assert change(draft, title="Colors", languages=["en", "de"]) == "Saved: title, languages"
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        assert study.title == "Colors"
        assert db.scalar(select(func.count()).select_from(Participant)) == 1
        assert {language for language, _ in load_wording(db, study)} == {"en", "de"}


def test_nothing_is_saved_if_nothing_was_changed(draft: Engine) -> None:
    assert change(draft) == "Nothing was changed"


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"trials": 400}, "", "only 12 photographs, but each participant needs 403"),
        ({"methods": ["l2", "gan"]}, "", "photo-000 has no gan stimulus"),
        ({"caption": True}, "caption", "photo-000 has no caption"),
        (
            {"linked": True, "entry": "recruited", "exclude_studies": ["other"]},
            "exclude_studies",
            "no study 'other' on this server",
        ),
    ],
)
def test_stimuli_and_other_studies_must_suit_the_protocol(
    changes: dict[str, object], key: str, sentence: str, draft: Engine
) -> None:
    with pytest.raises(ProtocolFormError) as refused:
        change(draft, **changes)
    assert sentence in " ".join(refused.value.problems.values())
    assert not key or list(refused.value.problems) == [key]


def test_an_audit_that_was_not_made_cannot_be_claimed(draft: Engine) -> None:
    change(draft, stimuli="any")
    with pytest.raises(ProtocolFormError) as refused:
        change(draft, stimuli="recolored")
    assert "requires an audit of lightness" in refused.value.problems["stimuli"]


def test_texts_follow_the_protocol_where_they_were_not_edited(draft: Engine) -> None:
    place = ("en", WordingPart.CONSENT)
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        texts = dict(compose_wording(parse_stored_protocol(study.protocol)))
        texts[place] = texts[place].replace("We know of no risks", "I know of no risks")
        store_wording(db, study, texts)
        version = draft_version(study)
        done = change_protocol(db, study, changed(study, masks=1), version=version)
        stored = load_wording(db, study)
    assert "Patterns of noise flash" in stored[place]
    assert "I know of no risks" in stored[place]
    assert len(find_unfilled_places(stored[place])) > 1
    (to_check,) = done.to_check
    assert to_check.startswith("Consent (English): the default now says “Apart from the flashing")


def test_the_second_of_two_researchers_is_told(draft: Engine) -> None:
    with write_transaction(draft) as db:
        version = draft_version(find_study(db, "short"))
    change(draft, trials=5)
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        protocol = changed(study, trials=3)
        with pytest.raises(StaleDraftError, match="Someone else has changed this study"):
            change_protocol(db, study, protocol, version=version)
        assert (parse_stored_protocol(study.protocol).trials, study.revision) == (5, 1)


def test_a_slug_cannot_change(draft: Engine) -> None:
    with pytest.raises(StudyError, match="the slug is 'other', but this study is 'short'"):
        change(draft, slug="other")


def test_a_running_simulation_is_waited_for(draft: Engine) -> None:
    with write_transaction(draft) as db:
        study_id = find_study(db, "short").id
        request_job(db, JobKind.SIMULATE, requested_by="ada", study_id=study_id)
    with pytest.raises(StudyError, match="simulated participants are taking part"):
        change(draft, trials=5)


@pytest.mark.parametrize("why", ["frozen", "live", "withdrawn", "paused"])
def test_only_a_draft_without_live_participants_can_change(why: str, draft: Engine) -> None:
    if why == "live":
        enroll(draft, Mode.LIVE)
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        if why == "frozen":
            freeze_study(db, study, AnalysisPlan(), "ab" * 32)
        study.withdrawn_count = int(why == "withdrawn")
        study.state = StudyState.PAUSED if why == "paused" else study.state
        reason = find_lock(db, study)
    sentences = {
        "frozen": "The design is frozen",
        "live": "Somebody has taken part",
        "withdrawn": "Somebody has taken part",
        "paused": "The study is paused",
    }
    assert reason == sentences[why]
    with pytest.raises(StudyError, match=f"{reason}, so nothing was saved"):
        change(draft, trials=5)


def test_a_protocol_of_another_task_needs_no_truth(draft: Engine) -> None:
    settings = short_protocol(
        task="preference", presentation="simultaneous", assignment="within", stimuli="any"
    )
    change(draft, **settings.model_dump(mode="json"))
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        assert (study.task, study.question) == ("preference", "")
