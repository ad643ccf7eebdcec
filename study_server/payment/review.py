"""Review a pay sheet on a page, on which a researcher decides about its rows.

The sheet is never stored, because it contains the platform's ids: the page sends it back.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.payment.settlement import Account, is_actionable, paying, settle_rows
from study_server.payment.sheet import PayAction, PaySheetRow, parse_bonus
from study_server.vocabulary import RecruitmentSource

ORDER = tuple(PayAction(word) for word in ("decide", "pay", "return", "reject", "wait", "nothing"))
ROWS_PER_STEP = 20
TIME_LIMIT_S = 40.0  # a proxy may end a longer request
CARRIED_OUT = "carried out"


def sort_for_review(rows: Sequence[PaySheetRow]) -> list[PaySheetRow]:
    """Return the rows with those first about which the researcher must decide."""
    return sorted(rows, key=lambda row: ORDER.index(row.action))


def apply_decisions(
    rows: Sequence[PaySheetRow], actions: Mapping[int, str], bonuses: Mapping[int, str]
) -> list[PaySheetRow]:
    """Return the rows with other actions and bonuses, by index; raises StudyError."""
    try:
        return [
            replace(
                row,
                action=PayAction(actions.get(index, row.action)),
                bonus=parse_bonus(bonuses.get(index, row.bonus), f"row {index + 1}"),
            )
            for index, row in enumerate(rows)
        ]
    except ValueError as error:
        raise StudyError(f"{error}; choose one of {', '.join(PayAction)}") from error


@dataclass(frozen=True)
class PaySummary:
    """The effects of a sheet: submissions by action, and bonuses with their sum."""

    actions: dict[str, int]
    bonus_count: int
    bonus_total: Decimal
    undecided: int

    @property
    def has_work(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.actions) or self.bonus_count > 0


def summarize(rows: Sequence[PaySheetRow]) -> PaySummary:
    """Return what `study pay` would do with these rows."""
    bonuses = [Decimal(row.bonus) for row in rows if row.bonus]
    return PaySummary(
        actions=dict(Counter(row.action.value for row in rows if is_actionable(row))),
        bonus_count=len(bonuses),
        bonus_total=sum(bonuses, Decimal(0)),
        undecided=sum(row.action is PayAction.DECIDE for row in rows),
    )


@dataclass(frozen=True)
class Settlement:
    """The requests that were needed, by kind, and the rows with what is left to do."""

    counts: Counter[str]
    rows: list[PaySheetRow]


def settle_sheet(engine: Engine, rows: Sequence[PaySheetRow], account: Account) -> Settlement:
    """Carry out as many rows as the time allows: first the actions, then the bonuses.

    The platform is asked about each submission first, so nothing is done twice. Raises StudyError
    if another person is paying, or if a request fails.
    """
    with paying(engine):
        return _settle(engine, list(rows), account)


def _settle(engine: Engine, rows: list[PaySheetRow], account: Account) -> Settlement:
    counts, began = Counter[str](), time.monotonic()
    waiting = [index for index, row in enumerate(rows) if is_actionable(row)]
    for start in range(0, len(waiting), ROWS_PER_STEP):
        if time.monotonic() - began > TIME_LIMIT_S:
            return Settlement(counts, rows)
        step = waiting[start : start + ROWS_PER_STEP]
        counts += settle_rows(engine, [rows[i] for i in step], [], account)
        for i in step:
            rows[i] = replace(rows[i], action=PayAction.NOTHING, reason=CARRIED_OUT)
    paid_at_once = [row for row in rows if row.bonus and row.source is RecruitmentSource.PROLIFIC]
    counts += settle_rows(engine, [], paid_at_once, account)
    rows = [replace(row, bonus="") if row in paid_at_once else row for row in rows]
    for index, row in enumerate(rows):
        if time.monotonic() - began > TIME_LIMIT_S:
            break
        if row.bonus:
            counts += settle_rows(engine, [], [row], account)
            rows[index] = replace(row, bonus="")
    return Settlement(counts, rows)
