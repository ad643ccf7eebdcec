"""Settle a pay sheet: approve, return, reject and pay bonuses on Prolific or MTurk."""

from study_server.errors import StudyError
from study_server.recruitment import mturk
from study_server.recruitment.pay_sheet import (
    PayAction,
    PaySheetRow,
)
from study_server.recruitment.platforms import SubmissionStatus
from study_server.recruitment.prolific import connect
from study_server.vocabulary import RecruitmentSource


def is_actionable(row: PaySheetRow) -> bool:
    acts = (PayAction.PAY, PayAction.RETURN, PayAction.REJECT)
    return row.action in acts and row.status is SubmissionStatus.SUBMITTED


def settle_submissions(
    source: RecruitmentSource,
    deeds: list[PaySheetRow],
    bonuses: list[PaySheetRow],
    study: str | None,
    sandbox: bool,
) -> None:
    if source is RecruitmentSource.PROLIFIC:
        _settle_on_prolific(deeds, bonuses, study)
    elif source is RecruitmentSource.MTURK:
        _settle_on_mturk(deeds, bonuses, sandbox)
    else:
        raise StudyError(f"{source} has no interface for that; use its own pages")


def _settle_on_prolific(
    deeds: list[PaySheetRow], bonuses: list[PaySheetRow], study: str | None
) -> None:
    account = connect()
    if any(row.action is PayAction.REJECT for row in deeds):
        raise StudyError("reject on Prolific's own pages, which ask for more; or write return")
    if bonuses and study is None:
        raise StudyError("bonuses on Prolific need --prolific STUDY_ID")
    for row in deeds:
        if row.action is PayAction.PAY:
            account.approve_submission(row.submission)
        else:
            account.request_return(row.submission, row.reason)
    paid = account.list_submissions_with_bonus(study) if bonuses and study else set()
    amounts = {row.submission: row.bonus for row in bonuses if row.submission not in paid}
    if amounts and study:
        account.pay_bonuses(study, amounts)


def _settle_on_mturk(deeds: list[PaySheetRow], bonuses: list[PaySheetRow], sandbox: bool) -> None:
    client = mturk.create_client(sandbox)
    if any(row.action is PayAction.RETURN for row in deeds):
        raise StudyError("nobody can be asked to return a HIT; write pay or reject")
    for row in deeds:
        if row.action is PayAction.PAY:
            mturk.approve_assignment(client, row.submission)
        else:
            mturk.reject_assignment(client, row.submission, row.reason)
    for row in bonuses:
        mturk.pay_bonus(client, row.external_id, row.submission, row.bonus, row.reason)
