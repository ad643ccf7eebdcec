"""Each task reads its answers strictly, and names the field that is wrong."""

import re
from typing import Any

import pytest

from study_server.errors import StudyError
from study_server.protocol.model import Protocol, task_of
from study_server.protocol.study_toml import create_protocol, read_protocol
from study_server.tasks.task import InvalidAnswerError

QUALITY = {"name": "quality", "min": 1, "max": 5, "labels": ["a", "b", "c", "d", "e"]}
SLIDER = {"name": "warmth", "min": 0, "max": 100, "labels": ["cold", "warm"]}
COMPARED = {
    "assignment": "within", "presentation": "simultaneous", "include_real": True, "exposure_ms": 0,
}  # fmt: skip
RATED = {"presentation": "single", "scales": [QUALITY, SLIDER], "exposure_ms": 0}
SETTINGS: dict[str, dict[str, Any]] = {
    "preference": COMPARED | {"candidates": 3},
    "best_worst": COMPARED | {"candidates": 3},
    "ranking": COMPARED | {"candidates": 3},
    "rating": RATED,
}


def protocol_of(task: str, **changes: Any) -> Protocol:
    settings = create_protocol("s").model_dump(mode="json") | SETTINGS.get(task, {})
    return Protocol.model_validate(settings | {"task": task} | changes)


@pytest.mark.parametrize(
    ("task", "answer", "values"),
    [
        ("real_or_fake", {"choice": 0}, [0, 1]),
        ("preference", {"choice": 1}, [2, 1, 2]),
        ("preference", {"choice": 1.0}, [2, 1, 2]),
        ("best_worst", {"best": 2, "worst": 0}, [3, 2, 1]),
        ("ranking", {"order": [2, 0, 1]}, [2, 3, 1]),
        ("rating", {"scores": {"quality": 4, "warmth": 12.5}}, [4, 12.5]),
    ],
)
def test_an_answer_says_something_of_each_candidate(
    task: str, answer: dict[str, object], values: list[float]
) -> None:
    protocol = protocol_of(task)
    judgments = task_of(protocol).parse_answer(protocol, answer)
    assert [one.value for one in judgments] == values


def test_a_tie_makes_all_candidates_best_where_ties_are_allowed() -> None:
    protocol = protocol_of("preference", ties=True)
    judgments = task_of(protocol).parse_answer(protocol, {"choice": "tie"})
    assert [one.value for one in judgments] == [1, 1, 1]


@pytest.mark.parametrize(
    ("task", "answer", "message"),
    [
        ("preference", {"choice": "tie"}, "answer.choice: this study has no ties"),
        ("preference", {"choice": 3}, "answer.choice: got 3, expected 0 to 2"),
        ("preference", {"choice": None}, "answer.choice"),
        ("best_worst", {"best": 0, "worst": 0}, "answer.worst: is the same as best"),
        ("best_worst", {"best": 0}, "answer.worst: Field required"),
        ("ranking", {"order": [0, 1]}, "answer.order: must have each slot from 0 to 2 once"),
        ("ranking", {"order": [0, 1, 1]}, "answer.order: must have"),
        ("ranking", {"order": [0, 1, True]}, "answer.order"),
        ("rating", {"scores": {"quality": 4}}, "answer.scores.warmth: Field required"),
        ("rating", {"scores": {"quality": 6, "warmth": 1}}, "answer.scores.quality: got 6"),
        ("rating", {"scores": {"quality": 2.5, "warmth": 1}}, "answer.scores.quality: got 2.5"),
        ("rating", {"scores": {"quality": "4", "warmth": 1}}, "answer.scores.quality"),
        ("rating", {"scores": {"quality": 4, "warmth": 1, "x": 1}}, "answer.scores.x: unknown"),
        ("rating", {"choice": 0}, "answer"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_name(
    task: str, answer: dict[str, object], message: str
) -> None:
    protocol = protocol_of(task)
    with pytest.raises(InvalidAnswerError) as refused:
        task_of(protocol).parse_answer(protocol, answer)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("dance", {}, "is not a task"),
        ("preference", {"presentation": "single"}, "presentation = 'single'"),
        ("preference", {"candidates": 4}, "candidates = 4 exceeds the 3 methods"),
        ("preference", {"assignment": "between"}, "assignment = 'between'"),
        ("preference", {"paired": False}, "paired = false"),
        ("preference", {"qualification": 2}, "qualification needs right answers"),
        ("preference", {"question": "real"}, "question = 'real'"),
        ("preference", {"scales": [QUALITY]}, "scales do not work"),
        ("ranking", {"candidates": 2}, "candidates = 2: task = 'ranking' needs 3 to 6"),
        ("ranking", {"ties": True}, "ties = true"),
        ("ranking", {"presentation": "sequential", "exposure_ms": 500}, "'sequential'"),
        ("rating", {"scales": []}, "needs at least one scale"),
        ("rating", {"presentation": "simultaneous"}, "presentation = 'single'"),
        ("rating", {"attention_checks": 3}, "attention_checks = 3 must be even"),
        ("rating", {"paired": False}, "attention_checks = 0"),
        ("rating", {"scales": [QUALITY, QUALITY]}, "the same name"),
        ("rating", {"scales": [QUALITY | {"labels": ["a", "b", "c", "d"]}]}, "4 labels"),
        ("rating", {"scales": [QUALITY | {"name": "real"}]}, "reserved"),
        ("rating", {"scales": [QUALITY | {"labels": {"de": ["a", "b"]}}]}, "no labels in en"),
        (
            "rating",
            {"scales": [QUALITY | {"labels": {"en": QUALITY["labels"], "de": ["a", "b"]}}]},
            "more labels in one language than in another",
        ),
        ("real_or_fake", {"candidates": 3}, "candidates does not work"),
        ("real_or_fake", {"ties": True}, "ties does not work"),
        ("real_or_fake", {"paired": False, "reference": "real"}, "reference requires"),
    ],
)
def test_settings_that_contradict_the_task_are_refused_by_name(
    task: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        protocol_of(task, **changes)


def test_a_contradiction_is_one_line_that_names_the_file(tmp_path: Any) -> None:
    file = tmp_path / "study.toml"
    file.write_text('slug = "s"\ntitle = "t"\npreset = "pairwise"\nmethods = ["a"]\n')
    with pytest.raises(StudyError, match=r"study.toml: .*candidates = 2 exceeds the 1 methods"):
        read_protocol(file)
