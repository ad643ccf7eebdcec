"""Carry out a pay sheet on Prolific or MTurk: approve, return, reject, pay bonuses."""

from study_server.errors import StudyError
from study_server.recruitment import mturk
from study_server.recruitment.pay_sheet import PayAction, PaySheetRow
from study_server.recruitment.platforms import SubmissionStatus
from study_server.recruitment.prolific import connect
from study_server.vocabulary import RecruitmentSource


def is_actionable(row: PaySheetRow) -> bool:
    """Return whether `study pay` changes this submission on the platform."""
    acts = (PayAction.PAY, PayAction.RETURN, PayAction.REJECT)
    return row.action in acts and row.status is SubmissionStatus.SUBMITTED


def settle_submissions(
    source: RecruitmentSource,
    actions: list[PaySheetRow],
    bonuses: list[PaySheetRow],
    study: str | None,
    sandbox: bool,
) -> None:
    """Carry out the actions and bonuses of one platform; raise StudyError if one is impossible.

    study: the id of Prolific's study, needed for bonuses there. sandbox: use MTurk's sandbox.
    """
    if source is RecruitmentSource.PROLIFIC:
        _settle_on_prolific(actions, bonuses, study)
    elif source is RecruitmentSource.MTURK:
        _settle_on_mturk(actions, bonuses, sandbox)
    else:
        raise StudyError(f"{source} has no API for this; use its website")


def _settle_on_prolific(
    actions: list[PaySheetRow], bonuses: list[PaySheetRow], study: str | None
) -> None:
    client = connect()
    if any(row.action is PayAction.REJECT for row in actions):
        raise StudyError(
            "rejecting on Prolific requires more details; use its website, or write `return` in "
            "the sheet"
        )
    if bonuses and study is None:
        raise StudyError("bonuses on Prolific require --prolific STUDY_ID")
    for row in actions:
        if row.action is PayAction.PAY:
            client.approve_submission(row.submission)
        else:
            client.request_return(row.submission, row.reason)
    paid = client.list_submissions_with_bonus(study) if bonuses and study else set()
    amounts = {row.submission: row.bonus for row in bonuses if row.submission not in paid}
    if amounts and study:
        client.pay_bonuses(study, amounts)


def _settle_on_mturk(actions: list[PaySheetRow], bonuses: list[PaySheetRow], sandbox: bool) -> None:
    client = mturk.create_client(sandbox)
    if any(row.action is PayAction.RETURN for row in actions):
        raise StudyError("MTurk has no return requests; write `pay` or `reject` in the sheet")
    for row in actions:
        if row.action is PayAction.PAY:
            mturk.approve_assignment(client, row.submission)
        else:
            mturk.reject_assignment(client, row.submission, row.reason)
    for row in bonuses:
        mturk.pay_bonus(client, row.external_id, row.submission, row.bonus, row.reason)
