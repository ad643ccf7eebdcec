"""Count participants by outcome, and by the trial after which they stopped."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from study_server.monitoring.axes import Tick, count_ticks
from study_server.studies.exclusion_counts import ParticipantSummary
from study_server.vocabulary import Outcome

DROPPED_OUT = (Outcome.ABANDONED, Outcome.TIMED_OUT, Outcome.RETURNED)
MAX_BARS = 60
HEADROOM = 1.08  # the top of the chart, relative to the highest bar


@dataclass(frozen=True)
class FlowRow:
    """A line of the funnel. level: 0, or 1 for a part of the line above. share: of all started."""

    label: str
    level: int
    people: int
    share: float


@dataclass(frozen=True)
class TodayCounts:
    """The participants who started or finished since midnight (UTC), and in total."""

    started_today: int
    started: int
    complete_today: int
    complete: int


@dataclass(frozen=True)
class DropOutBar:
    """The participants who stopped after `first` to `last` answered trials.

    stayed: those who answered more, or may still do so. x, width, height: of the bar, in percent.
    """

    first: int
    last: int
    stopped: int
    stayed: int
    x: float
    width: float
    height: float

    @property
    def label(self) -> str:
        """The numbers of answered trials."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


@dataclass(frozen=True)
class DropOut:
    """Drop-out trial by trial. people: ticks of the vertical axis. trials: of the horizontal."""

    bars: Sequence[DropOutBar]
    stopped: int
    people: Sequence[Tick]
    trials: Sequence[Tick]


def count_today(
    people: Sequence[ParticipantSummary], moment: datetime, withdrawn: int
) -> TodayCounts:
    """Return today's counts. withdrawn: participants who started and are deleted."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    finished = [person.finished_at for person in people if person.outcome is Outcome.COMPLETE]
    return TodayCounts(
        started_today=sum(person.started_at >= midnight for person in people),
        started=len(people) + withdrawn,
        complete_today=sum(at is not None and at >= midnight for at in finished),
        complete=len(finished),
    )


def build_funnel(people: Sequence[ParticipantSummary], withdrawn: int) -> list[FlowRow]:
    """Return where the participants who started stand, and how many are excluded so far."""
    outcomes = Counter(person.outcome for person in people)
    started = len(people) + withdrawn
    complete = [person for person in people if person.outcome is Outcome.COMPLETE]
    excluded = sum(bool(person.reasons) for person in complete)
    rows: list[tuple[str, int, int]] = [
        ("started", 0, started),
        ("screened out", 0, outcomes[Outcome.SCREENED_OUT]),
        ("dropped out", 0, sum(outcomes[outcome] for outcome in DROPPED_OUT)),
        ("abandoned", 1, outcomes[Outcome.ABANDONED]),
        ("ran out of time", 1, outcomes[Outcome.TIMED_OUT]),
        ("returned on the platform", 1, outcomes[Outcome.RETURNED]),
        ("withdrew, data deleted", 0, withdrawn),
        ("under way", 0, outcomes[Outcome.ACTIVE]),
        ("complete", 0, len(complete)),
        ("kept so far", 1, len(complete) - excluded),
        ("excluded so far", 1, excluded),
    ]
    return [FlowRow(label, level, n, n / started if started else 0.0) for label, level, n in rows]


def measure_drop_out(people: Sequence[ParticipantSummary]) -> DropOut | None:
    """Return after how many answered trials participants stopped; None if nobody did."""
    stopped = Counter(person.all_answers for person in people if person.outcome in DROPPED_OUT)
    if not stopped:
        return None
    planned = max(max(stopped), *(person.all_planned for person in people))
    size = -(-(planned + 1) // MAX_BARS)
    starts = range(0, planned + 1, size)
    sums = [sum(stopped[n] for n in range(start, start + size)) for start in starts]
    top = max(sums) * HEADROOM
    reached = _reach_counter(people)
    bars = [
        DropOutBar(
            start,
            min(start + size - 1, planned),
            count,
            reached(start) - count,
            round(100 * i / len(sums), 3),
            round(80 / len(sums), 3),
            round(100 * count / top, 2),
        )
        for i, (start, count) in enumerate(zip(starts, sums, strict=True))
    ]
    return DropOut(bars, sum(sums), count_ticks(top), _trial_ticks(bars))


def _reach_counter(people: Sequence[ParticipantSummary]) -> Callable[[int], int]:
    """Return a function: the participants who were not lost before that many answers."""
    lost = Counter(person.all_answers for person in people if person.outcome in DROPPED_OUT)
    screened_out = sum(person.outcome is Outcome.SCREENED_OUT for person in people)
    candidates = len(people) - screened_out
    return lambda n: candidates - sum(count for answers, count in lost.items() if answers < n)


def _trial_ticks(bars: Sequence[DropOutBar]) -> list[Tick]:
    """Return labels below some bars, at most six."""
    every = -(-len(bars) // 6)
    return [Tick(round(bar.x + bar.width / 2, 2), str(bar.first)) for bar in bars[::every]]
