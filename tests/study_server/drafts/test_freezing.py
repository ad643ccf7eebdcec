"""Tests of the draft of the plan, of what is missing before a freeze, and of the way back."""

import pytest
from sqlalchemy import Engine, select

from study_server.drafts.draft import draft_version
from study_server.drafts.freezing import (
    list_obstacles,
    load_draft_plan,
    save_draft_plan,
    unfreeze_study,
)
from study_server.drafts.plan_form import list_plan_values, parse_plan
from study_server.drafts.protocol_errors import ProtocolFormError
from study_server.errors import StudyError
from study_server.participants import enrollment
from study_server.recruitment.stopping import change_stop_at
from study_server.storage.engine import write_transaction
from study_server.storage.models import StudyChange
from study_server.studies.design import (
    AnalysisPlan,
    PlannedExclusions,
    freeze_study,
    read_frozen_plan,
)
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState, WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import store_wording
from tests.conftest import short_protocol

WORDING = "ab" * 32
PLAN = AnalysisPlan(
    hypotheses=("People prefer mcl.", "Nobody is fooled by l2."),
    margin=0.05,
    participants=60,
    stopping="when 60 are complete",
    covariates=("device", "age"),
    exclusions=PlannedExclusions(fast_ms=250, planned_trials=4, allow_repeated=True),
)


@pytest.mark.parametrize("plan", [AnalysisPlan(), PLAN])
def test_a_plan_survives_its_form(plan: AnalysisPlan) -> None:
    assert parse_plan(list_plan_values(plan)) == plan


def test_every_setting_that_is_not_possible_is_named() -> None:
    typed = {"margin": "5", "participants": "many", "covariates": "a b", "exclusions.fast_ms": "-1"}
    with pytest.raises(ProtocolFormError) as refused:
        parse_plan(list_plan_values(PLAN) | typed)
    assert refused.value.problems == {
        "margin": "“5” is more than 1, the most",
        "participants": "“many” is not a whole number",
        "covariates": "“a b” is not possible here; use lowercase letters, digits and _",
        "exclusions.fast_ms": "“-1” is less than 0, the least",
    }


def test_a_plan_is_saved_for_the_freeze(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        assert load_draft_plan(study) == AnalysisPlan()
        save_draft_plan(db, study, PLAN, version=draft_version(study))
        assert (load_draft_plan(study), study.revision) == (PLAN, 1)


def test_what_is_missing_before_a_freeze_is_listed(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        assert list_obstacles(db, study) == []
        store_wording(db, study, compose_wording(short_protocol()))
        (obstacle,) = list_obstacles(db, study)
        assert (obstacle.page, obstacle.sentence[:27]) == ("wording", "Fill in or correct 8 places")
        study.withdrawn_count = 1
        assert [one.page for one in list_obstacles(db, study)] == ["participants", "wording"]


def test_a_text_that_does_not_fit_the_protocol_is_not_frozen(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        texts = {**compose_wording(short_protocol()), ("en", WordingPart.QUESTION): "{time_limit}?"}
        texts = {place: text.replace("[...", "[") for place, text in texts.items()}
        store_wording(db, study, texts)
        with pytest.raises(StudyError, match=r"en/question.md:1: \{time_limit\} is not set"):
            freeze_study(db, study, PLAN, WORDING)


@pytest.mark.parametrize("state", [StudyState.DRAFT, StudyState.PAUSED, StudyState.CLOSED])
def test_a_frozen_study_returns_to_draft(state: StudyState, draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        freeze_study(db, study, PLAN, WORDING)
        sha256, study.state = study.design_sha256, state
        assert read_frozen_plan(study) == PLAN
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        action = unfreeze_study(db, study)
        assert action == f"returned the study to draft; its design had the SHA-256 {sha256}"
        assert (study.design, study.design_sha256, study.stop_at) == (None, None, None)
        assert study.state is StudyState.DRAFT
        assert load_draft_plan(study) == PLAN
        freeze_study(db, study, load_draft_plan(study), WORDING)
        assert study.design_sha256 == sha256


def test_changes_after_a_freeze_that_was_undone_are_no_deviations(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        freeze_study(db, study, PLAN, WORDING)
        change_stop_at(db, study, 10, "ada")
        unfreeze_study(db, study)
        assert db.scalars(select(StudyChange)).all() == []
        assert study.stop_at == 10


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("draft", "is not frozen"),
        ("open", "is open; run `study pause short` first"),
        ("live", "somebody has taken part in study 'short'"),
        ("withdrawn", "somebody has taken part in study 'short'"),
    ],
)
def test_a_freeze_is_permanent_once_somebody_has_taken_part(
    why: str, sentence: str, draft_engine: Engine
) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        if why != "draft":
            freeze_study(db, study, PLAN, WORDING)
        study.state = StudyState.OPEN if why == "open" else StudyState.PAUSED
        study.withdrawn_count = int(why == "withdrawn")
        if why == "live":
            enrollment.enroll_participant(db, study, "one", Mode.LIVE, RecruitmentSource.LINK)
        with pytest.raises(StudyError, match=sentence):
            unfreeze_study(db, study)
