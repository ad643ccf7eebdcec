"""Carry out a pay sheet on Prolific or MTurk: approve, return, reject, pay bonuses.

The platform is asked about each submission before anything is done, because an earlier run may
have been interrupted: what is settled there is skipped, whatever the sheet says. So are
participants who are recorded as paid. What was done is recorded at once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.payment.records import PAY_STATES, is_paid, record_settlement
from study_server.payment.sheet import PayAction, PaySheetRow
from study_server.recruitment import mturk
from study_server.recruitment.platforms import SubmissionStatus
from study_server.recruitment.prolific import ProlificClient, connect
from study_server.storage.exclusive import exclusively
from study_server.vocabulary import PayState, RecruitmentSource

BONUS, SKIPPED = "bonus", "already settled"  # counted in addition to the actions
STATES_BY_ACTION = {
    PayAction.PAY: PayState.PAID,
    PayAction.RETURN: PayState.RETURNED,
    PayAction.REJECT: PayState.REJECTED,
}


def is_actionable(row: PaySheetRow) -> bool:
    """Return whether `study pay` changes this submission on the platform."""
    acts = (PayAction.PAY, PayAction.RETURN, PayAction.REJECT)
    return row.action in acts and row.status is SubmissionStatus.SUBMITTED


@dataclass(frozen=True)
class Account:
    """The accounts that pay a sheet.

    study: the id of Prolific's study, for bonuses. sandbox: use MTurk's sandbox.
    """

    study: str = ""
    sandbox: bool = False


@contextmanager
def paying(engine: Engine) -> Iterator[None]:
    """Keep everybody else from paying, in the terminal and on the page; raises StudyError."""
    problem = "someone else is paying participants right now; wait, then try again"
    with exclusively(engine, "pay", problem):
        yield


def settle_rows(
    engine: Engine, actions: list[PaySheetRow], bonuses: list[PaySheetRow], account: Account
) -> Counter[str]:
    """Carry out actions and bonuses on their platforms; return how many of each were needed.

    The caller keeps others from paying meanwhile. engine: where what was done is recorded. Raises
    StudyError if an action is impossible or a request fails.
    """
    sources = {row.source for row in (*actions, *bonuses)}
    counts = Counter[str]()
    for source in sources:
        counts += _settle_submissions(
            engine,
            source,
            [row for row in actions if row.source is source],
            [row for row in bonuses if row.source is source],
            account.study or None,
            account.sandbox,
        )
    return counts


def _settle_submissions(
    engine: Engine,
    source: RecruitmentSource,
    actions: list[PaySheetRow],
    bonuses: list[PaySheetRow],
    study: str | None,
    sandbox: bool,
) -> Counter[str]:
    """Carry out the actions and bonuses of one platform; return how many of each were needed.

    study: the id of Prolific's study, needed for bonuses there. sandbox: use MTurk's sandbox.
    Raises StudyError, before anything is done if an action is impossible. If a request fails, the
    message says how many were carried out.
    """
    counts = Counter[str]()
    try:
        if source is RecruitmentSource.PROLIFIC:
            _settle_on_prolific(engine, actions, bonuses, study, counts)
        elif source is RecruitmentSource.MTURK:
            _settle_on_mturk(engine, actions, bonuses, sandbox, counts)
        else:
            raise StudyError(f"{source} has no API for this; use its website")
    except StudyError as error:
        if not counts:
            raise
        done = format_count(counts.total() - counts[SKIPPED], "request was", "requests were")
        raise StudyError(
            f"{error}; {done} carried out before; try again to continue, and what is settled "
            "is skipped"
        ) from error
    return counts


def _settle_on_prolific(
    engine: Engine,
    actions: list[PaySheetRow],
    bonuses: list[PaySheetRow],
    study: str | None,
    counts: Counter[str],
) -> None:
    client = connect()
    if any(row.action is PayAction.REJECT for row in actions):
        raise StudyError(
            "rejecting on Prolific requires more details; use its website, or write `return` in "
            "the sheet"
        )
    if bonuses and study is None:
        raise StudyError("bonuses on Prolific require --prolific STUDY_ID")
    _settle(engine, actions, client.find_status, lambda row: _act_on_prolific(client, row), counts)
    paid = client.list_submissions_with_bonus(study) if bonuses and study else set()
    amounts = {row.submission: row.bonus for row in bonuses if row.submission not in paid}
    if amounts and study:
        client.pay_bonuses(study, amounts)
    counts.update({BONUS: len(amounts), SKIPPED: len(bonuses) - len(amounts)})
    for row in bonuses:
        record_settlement(engine, row.participant, PayState.PAID)


def _act_on_prolific(client: ProlificClient, row: PaySheetRow) -> None:
    if row.action is PayAction.PAY:
        client.approve_submission(row.submission)
    else:
        client.request_return(row.submission, row.reason)


def _settle_on_mturk(
    engine: Engine,
    actions: list[PaySheetRow],
    bonuses: list[PaySheetRow],
    sandbox: bool,
    counts: Counter[str],
) -> None:
    client = mturk.create_client(sandbox)
    if any(row.action is PayAction.RETURN for row in actions):
        raise StudyError("MTurk has no return requests; write `pay` or `reject` in the sheet")

    def act(row: PaySheetRow) -> None:
        if row.action is PayAction.PAY:
            mturk.approve_assignment(client, row.submission)
        else:
            mturk.reject_assignment(client, row.submission, row.reason)

    _settle(engine, actions, lambda one: mturk.find_status(client, one), act, counts)
    for row in bonuses:
        if mturk.has_bonus(client, row.submission):
            counts[SKIPPED] += 1
            continue
        mturk.pay_bonus(client, row.external_id, row.submission, row.bonus, row.reason)
        record_settlement(engine, row.participant, PayState.PAID)
        counts[BONUS] += 1


def _settle(
    engine: Engine,
    actions: Iterable[PaySheetRow],
    find_status: Callable[[str], SubmissionStatus],
    act: Callable[[PaySheetRow], None],
    counts: Counter[str],
) -> None:
    """Carry out the actions that the platform still waits for, and record and count them."""
    for row in actions:
        if is_paid(engine, row.participant):
            counts[SKIPPED] += 1
            continue
        state = PAY_STATES.get(find_status(row.submission))
        if state is None:
            act(row)
            state = STATES_BY_ACTION[row.action]
            counts[row.action.value] += 1
        else:
            counts[SKIPPED] += 1
        record_settlement(engine, row.participant, state)
