"""A study in which every rule excludes somebody, as rows of responses.csv."""

import numpy as np

from tests.analysis.rows import Row, make_row

METHODS, IMAGES = ("l2", "mcl"), 30
PEOPLE, TRIALS = 14, 16
HABITS = dict(enumerate(("leaves", "fast", "left", "turns", "disturbed", "inattentive", "returns")))
SIDES = ("left", "right")


def make_varied_study(
    *, is_single: bool = False, is_paired: bool = True, images: int = IMAGES
) -> list[Row]:
    """Return trials of all kinds, with repeats, flags, lost answers and odd response times."""
    rng = np.random.default_rng(3)
    rows: list[Row] = []
    for person in range(PEOPLE):
        habit = HABITS.get(person, "")
        outcome = {"leaves": "abandoned", "returns": "returned"}.get(habit, "complete")
        shown = TRIALS // 2 if habit == "leaves" else TRIALS
        own = [
            _make_trial(rng, position, habit, is_single, is_paired, images)
            for position in range(shown)
        ]
        if shown == TRIALS:
            own.append(own[3] | {"repeat_of": "3", "answer": rng.choice(_answers(is_single))})
        common = {"participant": f"p{person:02}", "outcome": outcome, "block": "0"}
        rows += [row | common | {"position": str(at)} for at, row in enumerate(own)]
    return rows


def _answers(is_single: bool) -> tuple[str, str]:
    return ("fake", "real") if is_single else SIDES


def _make_trial(
    rng: np.random.Generator,
    position: int,
    habit: str,
    is_single: bool,
    is_paired: bool,
    images: int,
) -> Row:
    kind = "practice" if position == 0 else "attention" if position % 5 == 4 else "test"
    method = METHODS[int(rng.integers(2))]
    image, other = (f"img{code:02}" for code in rng.choice(images, 2, replace=False))
    truth = rng.choice(SIDES)
    if is_single:
        method = "real" if rng.random() < 0.4 else method
        truth = "real" if method == "real" else "fake"
    answers = _answers(is_single)
    is_right = rng.random() < (0.95 if kind == "attention" else 0.65)
    answer = truth if is_right else answers[1 - answers.index(truth)]
    if habit == "inattentive" and kind == "attention":
        answer = answers[1 - answers.index(truth)]
    answer = {"left": answers[0], "turns": answers[position % 2]}.get(habit, answer)
    flags = "hidden blurred" if habit == "disturbed" else rng.choice(["", "", "", "late", "voided"])
    rt_ms = rng.lognormal(7, 0.5) / (20 if habit == "fast" else 1)
    return make_row(
        kind=kind,
        image=image,
        method=method,
        presentation="single" if is_single else "sequential",
        truth=truth,
        answer="" if position == 7 else answer,
        real_image="" if is_single else image if is_paired else other,
        rt_ms="" if position == 7 else f"{rt_ms:.1f}",
        exposure_ms="1000",
        first_ms=f"{rng.normal(1000, 20):.1f}",
        second_ms="" if is_single else f"{rng.normal(1000, 20):.1f}",
        flags=str(flags),
    )
