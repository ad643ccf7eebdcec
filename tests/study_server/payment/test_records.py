"""The record of who has been paid, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.participants.enrollment import enroll_participant
from study_server.payment.records import count_unpaid, is_paid, record_settlement
from study_server.payment.settlement import Account, paying, settle_rows
from study_server.payment.sheet import PayAction, PaySheetRow
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, PayState, RecruitmentSource
from tests.study_server.payment.conftest import ALL, Lab
from tests.study_server.prolific_stub import Stub, speaking

WAITING = SubmissionStatus.SUBMITTED


def pay_on_prolific(
    lab: Lab, stub: Stub, rows: list[PaySheetRow], monkeypatch: pytest.MonkeyPatch
) -> dict[str, int]:
    with speaking(stub) as client:
        monkeypatch.setattr("study_server.payment.settlement.connect", lambda: client)
        with paying(lab.engine):
            return dict(settle_rows(lab.engine, rows, [], Account()))


def approvals(stub: Stub) -> list[str]:
    return [path.split("/")[-3] for _, path, _ in stub.heard if path.endswith("/transition/")]


def test_whoever_is_paid_does_not_wait_any_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in ("p1", "p2"):
        lab.come(person, Outcome.COMPLETE, ALL)
    lab.come("p3", Outcome.ACTIVE, 3)
    assert lab.unpaid() == 2
    rows = lab.propose(Submission("p1", "s1", WAITING))
    stub = Stub()
    assert pay_on_prolific(lab, stub, rows, monkeypatch) == {"pay": 1}
    assert (lab.unpaid(), is_paid(lab.engine, lab.name("p1"))) == (1, True)
    assert approvals(stub) == ["s1"]


def test_nobody_is_paid_for_a_second_submission_or_from_an_old_list(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    (old,) = lab.propose(Submission("p1", "s1", WAITING))
    (other,) = lab.propose(Submission("p1", "s2", WAITING))
    stub = Stub()
    assert pay_on_prolific(lab, stub, [old], monkeypatch) == {"pay": 1}
    assert pay_on_prolific(lab, stub, [old, other], monkeypatch) == {"already settled": 2}
    assert approvals(stub) == ["s1"]
    (again,) = lab.propose(Submission("p1", "s1", WAITING))
    assert again.action is PayAction.NOTHING
    assert again.reason.startswith("this person has been paid, as recorded on 2")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (SubmissionStatus.APPROVED, PayState.PAID),
        (SubmissionStatus.REJECTED, PayState.REJECTED),
        (SubmissionStatus.TIMED_OUT, PayState.RETURNED),
        (SubmissionStatus.SUBMITTED, None),
    ],
)
def test_what_the_platform_has_settled_is_recorded_from_its_list(
    status: SubmissionStatus, state: PayState | None, lab: Lab
) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    lab.propose(Submission("p1", "s1", status))
    assert lab.unpaid() == (state is None)
    assert is_paid(lab.engine, lab.name("p1")) == (state is PayState.PAID)


def test_a_return_with_a_newer_submission_still_waits(lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    lab.propose(Submission("p1", "s1", SubmissionStatus.RETURNED), Submission("p1", "s2", WAITING))
    assert lab.unpaid() == 1


def test_an_approval_before_a_crash_is_recorded_by_the_next_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    rows = lab.propose(Submission("p1", "s1", WAITING))
    stub = Stub(settled={"s1": {"status": "APPROVED"}})
    assert pay_on_prolific(lab, stub, rows, monkeypatch) == {"already settled": 1}
    assert (lab.unpaid(), approvals(stub)) == (0, [])


def test_paid_people_stay_paid_and_unknown_ones_are_ignored(lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    name = lab.name("p1")
    record_settlement(lab.engine, name, PayState.PAID)
    record_settlement(lab.engine, name, PayState.REJECTED)
    for unknown in ("", "p000000000000"):
        record_settlement(lab.engine, unknown, PayState.PAID)
    assert is_paid(lab.engine, name)


def test_only_live_people_from_platforms_that_pay_wait(lab: Lab) -> None:
    with write_transaction(lab.engine) as db:
        study = find_study(db, lab.slug)
        for mode, source in (
            (Mode.PREVIEW, RecruitmentSource.PROLIFIC),
            (Mode.LIVE, RecruitmentSource.LINK),
            (Mode.LIVE, RecruitmentSource.SONA),
            (Mode.LIVE, RecruitmentSource.MTURK),
        ):
            one = enroll_participant(db, study, f"{mode}-{source}", mode, source)
            one.outcome = Outcome.COMPLETE
        db.flush()
        assert count_unpaid(db, study) == 1


def test_two_who_pay_at_the_same_moment_approve_once(engine: Engine) -> None:
    both = Barrier(2)

    def pay(_: int) -> bool:
        try:
            with paying(engine):
                both.wait(timeout=20)  # the other one has been refused by then
                return True
        except StudyError:
            both.wait(timeout=20)
            return False

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(pay, range(2))) == [False, True]
