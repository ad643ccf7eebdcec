"""Count attention checks and repeated trials in SQL."""

from analysis.counted.trials import IMAGE, PARTICIPANT
from analysis.large.connection import Source
from analysis.large.counts import Counted, Key, count_trials
from analysis.large.included import FOOLED
from analysis.large.tables.trial_table import KIND_CODES

FACTORS = (PARTICIPANT, IMAGE)


def count_attention_checks(source: Source) -> Counted:
    """Count the answered attention checks; `fooled` means correct."""
    checks = "(SELECT *, NOT is_wrong AS fooled FROM trial WHERE is_check AND is_answered)"
    return count_trials(source, checks, (FOOLED,), FACTORS)


def count_repeats(source: Source, methods: int) -> Counted | None:
    """Count the repeated trials that included participants answered both times.

    `fooled` means that both answers were the same. methods: their number. None if no trial was
    repeated.
    """
    repeats = f"kind_code = {KIND_CODES['test']} AND repeat_of IS NOT NULL"
    if not source.fetch_row(f"SELECT count(*) FROM trial WHERE {repeats}")[0]:
        return None
    usable = "is_answered AND NOT is_outlying"
    return count_trials(
        source,
        "(SELECT again.p, again.i, again.m, first.is_wrong AS before, again.is_wrong AS after "
        f"FROM (SELECT * FROM trial WHERE {repeats} AND {usable}) AS again "
        f"JOIN (SELECT * FROM trial WHERE {usable}) AS first "
        "ON first.p = again.p AND first.position = again.repeat_of "
        "JOIN broken ON broken.p = again.p WHERE broken.pattern = 0)",
        (
            Key("method", "m", methods),
            Key("fooled", "before = after", 2),
            Key("before", "before", 2),
            Key("after", "after", 2),
        ),
        FACTORS,
    )
