"""A study whose participants come from Prolific and are to be paid."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from study_server.clock import now
from study_server.participants.enrollment import enroll_participant
from study_server.participants.identities import find_by_external_id
from study_server.payment.reconciliation import reconcile
from study_server.payment.records import count_unpaid
from study_server.payment.sheet import PaySheetRow
from study_server.recruitment.arrival import prolific_completion_code
from study_server.recruitment.platforms import Submission
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Response, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind
from tests.conftest import short_protocol, write_stimuli
from tests.imported_studies import open_study


@dataclass
class Lab:
    """A study with ten attention checks, and people who come to it from Prolific."""

    engine: Engine
    slug: str = "lab"

    def come(
        self, person: str, outcome: Outcome, answers: int = 14, attention_checks: int = 10
    ) -> None:
        """Enroll a person who gives this many answers, with this many correct attention checks."""
        with write_transaction(self.engine) as db:
            participant = enroll_participant(
                db, find_study(db, self.slug), person, Mode.LIVE, RecruitmentSource.PROLIFIC
            )
            trials = db.scalars(
                select(Trial).where(Trial.participant_id == participant.id).order_by(Trial.place)
            ).all()
            watched = [trial for trial in trials if trial.kind is TrialKind.ATTENTION]
            for trial in trials[:answers]:
                missed = trial in watched[attention_checks:]
                trial.started_at = now()
                db.add(answer(trial, wrong=missed))
            participant.outcome = outcome
            if outcome is Outcome.COMPLETE:
                participant.finished_at = now()

    def propose(self, *listed: Submission) -> list[PaySheetRow]:
        with write_transaction(self.engine) as db:
            return reconcile(db, find_study(db, self.slug), RecruitmentSource.PROLIFIC, listed)

    def name(self, person: str) -> str:
        """Return the public ID of a person."""
        with read_session(self.engine) as db:
            participant = find_by_external_id(
                db, find_study(db, self.slug), person, RecruitmentSource.PROLIFIC
            )
            assert participant is not None
            return participant.public_id

    def unpaid(self) -> int:
        with read_session(self.engine) as db:
            return count_unpaid(db, find_study(db, self.slug))

    def outcome(self, person: str) -> Outcome:
        with read_session(self.engine) as db:
            participant = find_by_external_id(
                db, find_study(db, self.slug), person, RecruitmentSource.PROLIFIC
            )
            assert participant is not None
            return participant.outcome

    def code(self, outcome: Outcome) -> str:
        with read_session(self.engine) as db:
            return prolific_completion_code(db, find_study(db, self.slug), outcome)


def answer(trial: Trial, wrong: bool) -> Response:
    is_check = trial.kind is TrialKind.ATTENTION
    return Response(
        trial_id=trial.id, attention_passed=not wrong if is_check else None,
        rt_ms=800, first_ms=1000, second_ms=1000, hidden=False,
        blurred=False, resized=False, slow_frame=False, late=False, received_at=now(),
    )  # fmt: skip


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("many"), images=30)


@pytest.fixture
def lab(engine: Engine, tmp_path: Path, many: Path) -> Lab:
    protocol = short_protocol("lab", practice=0, attention_checks=10, trials=10)
    open_study(engine, protocol, many, tmp_path / "instance")
    return Lab(engine)


ALL = 20  # trials of a participant
