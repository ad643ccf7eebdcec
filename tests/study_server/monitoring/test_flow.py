"""The funnel, today's numbers, and drop-out trial by trial."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from study_server.monitoring.flow import build_funnel, count_today, measure_drop_out
from study_server.studies.exclusion_counts import ParticipantSummary
from study_server.vocabulary import Outcome
from tests.study_server.studies.test_exclusion_counts import GOOD

MOMENT = datetime(2026, 7, 3, 12, tzinfo=UTC)


def people(*outcomes: Outcome, answers: int = 0, planned: int = 54) -> list[ParticipantSummary]:
    return [
        replace(GOOD, outcome=outcome, all_answers=answers, all_planned=planned)
        for outcome in outcomes
    ]


def test_the_funnel_accounts_for_everyone_who_started() -> None:
    crowd = people(*Outcome, Outcome.COMPLETE)
    crowd[-1] = replace(crowd[-1], outcome=Outcome.COMPLETE, reasons=("too_fast",))
    rows = {row.label: row.people for row in build_funnel(crowd, withdrawn=3)}
    assert rows["started"] == len(crowd) + 3
    assert rows["started"] == sum(
        row.people for row in build_funnel(crowd, withdrawn=3)[1:] if row.level == 0
    )
    assert (rows["complete"], rows["kept so far"], rows["excluded so far"]) == (2, 1, 1)
    assert rows["dropped out"] == 3
    assert build_funnel([], withdrawn=0)[0].share == 0


def test_today_begins_at_midnight_in_utc() -> None:
    early = replace(GOOD, started_at=MOMENT - timedelta(hours=13), finished_at=MOMENT)
    late = replace(GOOD, started_at=MOMENT - timedelta(hours=12), finished_at=None)
    today = count_today([early, replace(late, outcome=Outcome.ACTIVE)], MOMENT, withdrawn=1)
    assert (today.started_today, today.started) == (1, 3)
    assert (today.complete_today, today.complete) == (1, 1)


def test_drop_out_counts_who_stopped_after_which_trial() -> None:
    crowd = [
        *people(Outcome.COMPLETE, Outcome.ACTIVE, answers=4, planned=4),
        *people(Outcome.SCREENED_OUT, planned=4),
        *people(Outcome.ABANDONED, Outcome.TIMED_OUT, answers=1, planned=4),
        *people(Outcome.RETURNED, answers=3, planned=4),
    ]
    drop_out = measure_drop_out(crowd)
    assert drop_out is not None
    assert [bar.label for bar in drop_out.bars] == ["0", "1", "2", "3", "4"]
    assert [bar.stopped for bar in drop_out.bars] == [0, 2, 0, 1, 0]
    assert [bar.stayed for bar in drop_out.bars] == [5, 3, 3, 2, 2]
    assert drop_out.stopped == 3
    assert max(bar.height for bar in drop_out.bars) < 100


def test_nobody_who_stays_makes_no_chart() -> None:
    assert measure_drop_out(people(Outcome.COMPLETE, Outcome.SCREENED_OUT)) is None
    assert measure_drop_out([]) is None


def test_a_thousand_trials_share_at_most_60_bars() -> None:
    drop_out = measure_drop_out(people(Outcome.ABANDONED, answers=999, planned=1000))
    assert drop_out is not None
    assert len(drop_out.bars) <= 60
    assert drop_out.bars[-1].last == 1000
    assert sum(bar.stopped for bar in drop_out.bars) == 1
