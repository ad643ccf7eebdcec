"""Exposures that follow a participant's answers: the rule, the plan and the images it needs."""

import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from study_server.errors import StudyError
from study_server.protocol.image_draws import ImagePools
from study_server.protocol.image_supply import find_shortage, most_trials_per_block
from study_server.protocol.key_texts import STAIRCASE_KEYS
from study_server.protocol.model import Protocol
from study_server.protocol.schedule import plan_trials
from study_server.protocol.staircase import Staircase, next_exposure
from study_server.protocol.study_toml import create_protocol, format_toml, read_protocol
from study_server.vocabulary import TrialKind

HYPE_TIME = create_protocol("s", "hype_time")
RULE = Staircase(
    start_ms=140, up_ms=10, down_ms=30, right_in_a_row=3, min_ms=100, max_ms=160, blocks=2,
    trials_per_block=6,
)  # fmt: skip
# by hand: the answer, and the exposure that follows from all answers until then
STEPS = [
    (True, 140), (True, 140), (True, 110),  # the third right answer in a row: 30 ms less
    (True, 110), (True, 110), (True, 100),  # counting restarts; never below min_ms
    (False, 110), (True, 110), (True, 110), (False, 120),  # two right answers are not enough
    (True, 120), (False, 130), (False, 140), (False, 150), (False, 160), (False, 160),  # max_ms
    (True, 160), (True, 160), (True, 130),
]  # fmt: skip


def short_staircase(qualification: int = 0, **changes: int) -> Protocol:
    """Return hype_time with blocks of RULE, unless changed."""
    rule = RULE.model_dump() | changes
    settings = {
        "staircase": rule,
        "trials": rule["blocks"] * rule["trials_per_block"],
        "qualification": qualification,
    }
    return Protocol.model_validate(HYPE_TIME.model_dump() | settings)


def pools(photographs: int, fakes: int) -> ImagePools:
    """Return pools whose photographs and fakes have no source image in common."""
    made = [f"fake-{number}" for number in range(fakes)]
    return {"real": [f"photo-{number}" for number in range(photographs)], "l2": made, "mcl": made}


@pytest.mark.parametrize("count", range(len(STEPS) + 1))
def test_each_step_is_the_one_computed_by_hand(count: int) -> None:
    answers = [is_right for is_right, _ in STEPS[:count]]
    assert next_exposure(RULE, answers) == (STEPS[count - 1][1] if count else RULE.start_ms)


def test_hype_time_has_the_published_numbers() -> None:
    assert HYPE_TIME.staircase == Staircase(
        start_ms=500, up_ms=10, down_ms=30, right_in_a_row=3, min_ms=100, max_ms=1000, blocks=3,
        trials_per_block=150,
    )  # fmt: skip
    assert (HYPE_TIME.masks, HYPE_TIME.mask_ms, HYPE_TIME.presentation) == (4, 30, "single")
    assert HYPE_TIME.gives_feedback(TrialKind.TEST)
    assert not create_protocol("s", "hype_inf").has_feedback


def test_only_the_first_exposure_is_planned_and_images_recur_in_other_blocks_alone() -> None:
    protocol = short_staircase(qualification=2)
    plan = plan_trials(protocol, pools(6, 6), ("l2",), {}, Random(1))
    qualification, blocks = plan[:2], (plan[2:8], plan[8:])
    assert [trial.exposure_ms for trial in qualification] == [protocol.exposure_ms] * 2
    assert [trial.exposure_ms for trial in plan[2:]] == [RULE.start_ms, *[None] * 11]
    assert [trial.block for trial in plan] == [0] * 2 + [2] * 6 + [3] * 6
    first = {image for trial in qualification for image in trial.images}
    for block in blocks:
        images = Counter(image for trial in block for image in trial.images)
        assert set(images.values()) == {1}
        assert not first & set(images)
        assert Counter(method for trial in block for method in trial.methods) == {
            "real": 3,
            "l2": 3,
        }


def test_a_participant_sees_new_images_first() -> None:
    plan = plan_trials(short_staircase(), pools(6, 6), ("l2",), {}, Random(1))
    assert len({image for trial in plan for image in trial.images}) == 12


def test_images_limit_the_trials_of_a_block_but_not_the_blocks() -> None:
    protocol = short_staircase(trials_per_block=20, blocks=4)
    shortage = find_shortage(protocol, pools(7, 30))
    assert shortage is not None
    assert (shortage.method, shortage.needed, shortage.available) == ("real", 10, 7)
    assert most_trials_per_block(protocol, pools(7, 30)) == 14
    assert find_shortage(short_staircase(trials_per_block=14, blocks=4), pools(7, 30)) is None
    assert most_trials_per_block(protocol, pools(0, 30)) == 0


def test_a_staircase_is_written_with_a_remark_for_every_key_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    text = format_toml(HYPE_TIME)
    file.write_text(text)
    assert read_protocol(file) == HYPE_TIME
    table = text.partition("[staircase]\n")[2].splitlines()
    assert [line.split(" ")[0] for line in table if line] == list(STAIRCASE_KEYS)
    assert list(STAIRCASE_KEYS) == list(Staircase.model_fields)


@pytest.mark.parametrize(
    ("key", "line", "message"),
    [
        ("presentation", 'presentation = "simultaneous"', "set presentation = 'single'"),
        ("assignment", 'assignment = "within"', "set assignment = 'between'"),
        ("practice", "practice = 4", "practice = 4 does not work with \\[staircase\\]"),
        ("attention_checks", "attention_checks = 4", "set attention_checks = 0"),
        ("repeats", "repeats = 4", "set repeats = 0"),
        ("trials", "trials = 40", "trials = 40 is not blocks x trials_per_block .* trials = 450"),
        ("exposure_ms", "exposure_ms = [500, 1000]", "set exposure_ms to one exposure"),
        ("start_ms", "start_ms = 50", "start_ms = 50 is not between min_ms = 100 and max_ms"),
        ("min_ms", "min_ms = 10", "staircase.min_ms = 10: "),
        ("up_ms", "", "staircase.up_ms: Field required"),
        ("up_ms", "up_ms = 10\nstep_ms = 10", "staircase.step_ms = 10: Extra inputs"),
    ],
)
def test_what_does_not_work_with_a_staircase_is_refused_by_name(
    key: str, line: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(re.sub(rf"(?m)^{key} .*$", line, format_toml(HYPE_TIME)))
    with pytest.raises(StudyError, match=message) as raised:
        read_protocol(file)
    assert "\n" not in str(raised.value)
