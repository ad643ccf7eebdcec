"""People who went about a study in all the ways that the rules look for."""

from collections.abc import Sequence

from tests.analysis.rows import Row, make_row

TRIALS = 44
ATTENTION_CHECKS = (5, 16, 27, 38)  # positions
EVEN = "lrrllrrlrll"  # repeated: about as many left as right, now and then in turn
FOOLED = 3  # every third test trial

SIDES = {"l": "left", "r": "right"}
OTHER = {"left": "right", "right": "left"}


def make_person(
    participant: str,
    trials: int = TRIALS,
    pattern: str = EVEN,
    missed: int = 0,
    attention_checks: Sequence[int] = ATTENTION_CHECKS,
    rt_ms: dict[int, int] | None = None,
    **changes: str,
) -> list[Row]:
    """The first `trials` of 44, the sides by `pattern`; fooled by every third test trial.

    missed: attention checks answered wrongly. rt_ms: position -> time, else 900.
    """
    rows = []
    for position in range(trials):
        answer = SIDES[pattern[position % len(pattern)]]
        is_attention_check = position in attention_checks
        wrong = (
            position in attention_checks[:missed] if is_attention_check else position % FOOLED == 0
        )
        rows.append(
            make_row(
                participant=participant,
                kind="attention" if is_attention_check else "test",
                position=str(position),
                image=f"i{position}",
                method="foil" if is_attention_check else "mcl",
                answer=answer,
                truth=OTHER[answer] if wrong else answer,
                rt_ms=str((rt_ms or {}).get(position, 900)),
                exposure_ms="1000",
                first_ms="1000",
                second_ms="1000",
            )
            | changes
        )
    return rows
