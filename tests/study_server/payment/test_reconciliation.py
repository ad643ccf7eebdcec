"""The pay sheet: a platform's submissions compared with the stored data."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.participants.identities import find_by_external_id
from study_server.participants.withdrawal import delete_participant
from study_server.payment.sheet import PayAction, PaySheetRow, read_sheet, write_sheet
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.studies.design import AnalysisPlan, PlannedExclusions, freeze_study
from study_server.studies.exclusion_counts import list_participant_summaries
from study_server.studies.lookup import find_study
from study_server.vocabulary import Outcome, RecruitmentSource
from tests.study_server.payment.conftest import ALL, Lab


@pytest.mark.parametrize(
    ("status", "outcome", "answers", "attention_checks", "action", "reason"),
    [
        (SubmissionStatus.SUBMITTED, Outcome.COMPLETE, ALL, 10, PayAction.PAY, "complete"),
        (SubmissionStatus.SUBMITTED, Outcome.COMPLETE, ALL, 8, PayAction.PAY, "complete"),
        (SubmissionStatus.SUBMITTED, Outcome.COMPLETE, ALL, 7, PayAction.DECIDE,
         "finished, but 7 of 10 attention checks correct (8 required)"),
        (SubmissionStatus.SUBMITTED, Outcome.ACTIVE, 3, 10, PayAction.DECIDE,
         "outcome in the study: active, 3 of 20 trials answered"),
        (SubmissionStatus.SUBMITTED, Outcome.SCREENED_OUT, 0, 10, PayAction.DECIDE,
         "outcome in the study: screened out, 0 of 20 trials answered"),
        (SubmissionStatus.SUBMITTED, Outcome.TIMED_OUT, 9, 10, PayAction.DECIDE,
         "outcome in the study: timed out, 9 of 20 trials answered"),
        (SubmissionStatus.APPROVED, Outcome.COMPLETE, ALL, 3, PayAction.NOTHING,
         "already paid; outcome in the study: complete"),
        (SubmissionStatus.RETURNED, Outcome.ACTIVE, 3, 10, PayAction.NOTHING,
         "returned on the platform"),
        (SubmissionStatus.TIMED_OUT, Outcome.ABANDONED, 3, 10, PayAction.NOTHING,
         "timed out on the platform"),
        (SubmissionStatus.TIMED_OUT, Outcome.COMPLETE, ALL, 10, PayAction.DECIDE,
         "finished the study, but timed out on the platform: can only be paid with a bonus"),
        (SubmissionStatus.RETURNED, Outcome.COMPLETE, ALL, 10, PayAction.DECIDE,
         "finished the study, but returned on the platform: can only be paid with a bonus"),
        (SubmissionStatus.ACTIVE, Outcome.ACTIVE, 3, 10, PayAction.WAIT, "still in progress"),
        (SubmissionStatus.ACTIVE, Outcome.COMPLETE, ALL, 10, PayAction.WAIT,
         "finished the study, not yet submitted on the platform"),
        (SubmissionStatus.REJECTED, Outcome.COMPLETE, ALL, 10, PayAction.NOTHING,
         "already rejected on the platform"),
        (SubmissionStatus.SCREENED_OUT, Outcome.SCREENED_OUT, 0, 10, PayAction.NOTHING,
         "screened out and settled on the platform"),
    ],
)  # fmt: skip
def test_the_action_follows_from_both_lists(
    status: SubmissionStatus, outcome: Outcome, answers: int, attention_checks: int,
    action: PayAction,
    reason: str, lab: Lab,
) -> None:  # fmt: skip
    lab.come("p1", outcome, answers, attention_checks)
    (row,) = lab.propose(Submission("p1", "s1", status))
    assert (row.action, row.reason) == (action, reason)
    assert row.answers == f"{answers} of {ALL}"


@pytest.mark.parametrize(
    ("status", "action", "reason"),
    [
        (SubmissionStatus.SUBMITTED, PayAction.DECIDE, "not in the database"),
        (SubmissionStatus.APPROVED, PayAction.DECIDE, "not in the database"),
        (SubmissionStatus.RETURNED, PayAction.NOTHING, "left before giving consent"),
        (SubmissionStatus.TIMED_OUT, PayAction.NOTHING, "left before giving consent"),
    ],
)
def test_unknown_people_are_reported(
    status: SubmissionStatus, action: PayAction, reason: str, lab: Lab
) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    (row,) = lab.propose(Submission("another", "s1", status))
    assert row.action is action
    assert reason in row.reason
    assert row.participant == ""


def test_repeated_submissions_are_paid_once(lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    rows = lab.propose(
        Submission("p1", "s1", SubmissionStatus.RETURNED),
        Submission("p1", "s2", SubmissionStatus.SUBMITTED),
        Submission("p1", "s3", SubmissionStatus.SUBMITTED),
    )
    assert [row.action for row in rows] == [PayAction.DECIDE, PayAction.PAY, PayAction.DECIDE]
    assert rows[2].reason == "participant’s second submission; see s2"


def test_the_data_decide_about_payment_not_the_code(lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    lab.come("p2", Outcome.ACTIVE, 3)
    complete, screened = lab.code(Outcome.COMPLETE), lab.code(Outcome.SCREENED_OUT)
    for code, reason in (
        (complete, "complete"),
        ("NOCODE", "finished, but submitted with an unknown code NOCODE"),
        (screened, f"finished, but submitted with another outcome’s code {screened}"),
    ):
        (row,) = lab.propose(Submission("p1", "s1", SubmissionStatus.SUBMITTED, code))
        assert (row.action, row.reason) == (PayAction.PAY, reason)
    (row,) = lab.propose(Submission("p2", "s2", SubmissionStatus.SUBMITTED, complete))
    assert row.action is PayAction.DECIDE
    assert "submitted with the completion code, which they were never shown" in row.reason


def test_returns_and_time_outs_free_the_place_and_complete_data_stay(lab: Lab) -> None:
    lab.come("p1", Outcome.ACTIVE, 3)
    lab.come("p2", Outcome.ABANDONED, 3)
    lab.come("p3", Outcome.COMPLETE, ALL)
    lab.propose(
        Submission("p1", "s1", SubmissionStatus.RETURNED),
        Submission("p2", "s2", SubmissionStatus.TIMED_OUT),
        Submission("p3", "s3", SubmissionStatus.RETURNED),
    )
    outcomes = [lab.outcome(person) for person in ("p1", "p2", "p3")]
    assert outcomes == [Outcome.RETURNED, Outcome.TIMED_OUT, Outcome.COMPLETE]


def test_an_older_return_does_not_end_a_newer_submission(lab: Lab) -> None:
    lab.come("p1", Outcome.ACTIVE, 3)
    lab.propose(
        Submission("p1", "s1", SubmissionStatus.RETURNED),
        Submission("p1", "s2", SubmissionStatus.SUBMITTED),
    )
    assert lab.outcome("p1") is Outcome.ACTIVE


@pytest.mark.parametrize(
    ("rules", "action"),
    [
        (PlannedExclusions(attention_checks_min_correct=9), PayAction.DECIDE),
        (PlannedExclusions(attention_checks_min_correct=0), PayAction.PAY),
        (PlannedExclusions(attention_checks_min_planned=11), PayAction.PAY),
    ],
)
def test_the_frozen_plan_decides_how_many_attention_checks_are_required(
    rules: PlannedExclusions, action: PayAction, lab: Lab
) -> None:
    with write_transaction(lab.engine) as db:
        freeze_study(db, find_study(db, "lab"), AnalysisPlan(exclusions=rules), "")
    lab.come("p1", Outcome.COMPLETE, ALL, 8 if action is PayAction.DECIDE else 2)
    (row,) = lab.propose(Submission("p1", "s1", SubmissionStatus.SUBMITTED))
    assert row.action is action


def test_the_sheet_is_private_and_reads_back_as_edited(tmp_path: Path, lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    rows = lab.propose(
        Submission("p1", "s1", SubmissionStatus.SUBMITTED),
        Submission("p9", "s9", SubmissionStatus.SUBMITTED),
    )
    file = tmp_path / "pay.csv"
    file.write_text("an older sheet")
    file.chmod(0o644)
    write_sheet(file, rows)
    assert file.stat().st_mode & 0o077 == 0
    assert read_sheet(file) == rows
    edited = file.read_text().replace('"decide"', "Return ")
    file.write_text(edited)
    assert [row.action for row in read_sheet(file)] == [PayAction.PAY, PayAction.RETURN]
    file.write_text(edited.replace("Return", "maybe"))
    with pytest.raises(StudyError, match=r":3: .*edit only the columns action"):
        read_sheet(file)


def test_a_sheet_that_cannot_be_written_leaves_the_edited_one(tmp_path: Path, lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL)
    file = tmp_path / "sheets" / "pay.csv"
    write_sheet(file, lab.propose(Submission("p1", "s1", SubmissionStatus.SUBMITTED)))
    edited = file.read_text().replace("pay,", "decide,")
    file.write_text(edited)

    def fail() -> Iterator[PaySheetRow]:
        yield from read_sheet(file)
        raise OSError("disk full")

    with pytest.raises(OSError, match="full"):
        write_sheet(file, fail())
    assert file.read_text() == edited
    assert list(file.parent.iterdir()) == [file]


def test_the_command_writes_the_sheet_and_stores_no_id(
    lab: Lab, database_url: str, tmp_path: Path
) -> None:
    worker = "5e9088a8a4b6ed018b45ba7b"
    lab.come(worker, Outcome.COMPLETE, ALL)
    lab.come("somebody-else", Outcome.ACTIVE, 3)
    export = tmp_path / "export.csv"
    export.write_text(
        f"Submission id,Participant id,Status,Completion code\ns1,{worker},AWAITING REVIEW,C\n"
    )
    out = tmp_path / "pay.csv"
    output = CliRunner().invoke(
        commands, ["reconcile", "lab", str(export), "--out", str(out)],
        env={"STUDY_DATABASE_URL": database_url},
    )  # fmt: skip
    assert output.output == (f"{out}: 1 pay\n1 participant from prolific is not in this list\n")
    with out.open() as handle:
        (row,) = csv.DictReader(handle)
    assert (row["external_id"], row["submission"], row["action"]) == (worker, "s1", "pay")
    with lab.engine.connect() as connection:
        for (digest,) in connection.exec_driver_sql("SELECT external_id_digest FROM identity"):
            assert re.fullmatch("[0-9a-f]{64}", digest)
    for arguments in ((), (str(export), "--prolific", "x")):
        assert CliRunner().invoke(commands, ["reconcile", "lab", *arguments]).exit_code == 2


@pytest.mark.parametrize(
    ("status", "action", "reason"),
    [
        (SubmissionStatus.SUBMITTED, PayAction.DECIDE, "pay what the consent promises"),
        (SubmissionStatus.APPROVED, PayAction.NOTHING, "already paid; withdrew"),
        (SubmissionStatus.RETURNED, PayAction.NOTHING, "withdrew"),
    ],
)
def test_a_withdrawn_person_is_not_called_unknown(
    lab: Lab, status: SubmissionStatus, action: PayAction, reason: str
) -> None:
    lab.come("p1", Outcome.ACTIVE, 3)
    with write_session(lab.engine) as db:
        source = RecruitmentSource.PROLIFIC
        participant = find_by_external_id(db, find_study(db, lab.slug), "p1", source)
        assert participant is not None
        delete_participant(db, participant)
    (row,) = lab.propose(Submission("p1", "s1", status))
    assert (row.action, row.outcome, row.participant) == (action, "withdrawn", "")
    assert reason in row.reason


def test_attention_checks_are_counted_as_for_the_exclusions(lab: Lab) -> None:
    lab.come("p1", Outcome.COMPLETE, ALL, 7)
    (row,) = lab.propose(Submission("p1", "s1", SubmissionStatus.SUBMITTED))
    with read_session(lab.engine) as db:
        (person,) = list_participant_summaries(db, find_study(db, lab.slug))
    counts = person.attention_checks_correct, person.attention_checks_answered
    assert row.attention_checks == "{} of {}".format(*counts)
    assert ("attention_checks" in person.reasons) == (row.action is PayAction.DECIDE)
