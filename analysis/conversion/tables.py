"""Render converted trials as responses.csv, judgments.csv and participants.csv."""

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.conversion.trials import Judgment, Trial
from analysis.csv_cells import render_csv
from analysis.inputs.judgments import JUDGMENT_COLUMNS, JUDGMENTS
from analysis.inputs.responses import RESPONSE_COLUMNS

PARTICIPANT_COLUMNS = (
    *("study", "participant", "person", "outcome", "mode", "methods", "trials_planned"),
    *("trials_answered", "attention_checks_planned", "attention_checks_correct", "impossible_rt"),
    *("too_soon", "scripted", "interruptions", "shared_browser", "webdriver", "inputs", "source"),
    *("consent_version", "language", "refresh_hz", "device_pixel_ratio", "viewport"),
    *("color_gamut", "dynamic_range", "inverted_colors", "forced_colors", "night_light"),
    *("color_vision", "plates_correct", "comment", "started_at", "finished_at"),
)
IMPOSSIBLE_MS = 100  # faster than a person can answer
TableRow = dict[str, Any]


def render_tables(
    study: str, task: str, sorted_trials: Sequence[Sequence[Trial]]
) -> dict[str, bytes]:
    """Return the contents of the files by name. sorted_trials: of each participant, in order."""
    numbered = [list(enumerate(own)) for own in sorted_trials]
    responses = [
        _build_response(study, task, position, trial) for own in numbered for position, trial in own
    ]
    judgments = [
        row for own in numbered for position, trial in own
        for row in _build_judgments(study, position, trial)
    ]  # fmt: skip
    participants = [_build_participant(study, own) for own in sorted_trials]
    files = {
        "responses.csv": render_csv(responses, RESPONSE_COLUMNS),
        "participants.csv": render_csv(participants, PARTICIPANT_COLUMNS),
    }
    if judgments:
        files[JUDGMENTS.file] = render_csv(judgments, JUDGMENT_COLUMNS)
    return files


def _build_response(study: str, task: str, position: int, trial: Trial) -> TableRow:
    frame = trial.frame
    return {
        "study": study,
        "participant": frame.participant,
        "outcome": frame.outcome,
        "mode": frame.mode,
        "kind": frame.kind,
        "block": 0,
        "position": position,
        "task": task,
        "candidates": trial.candidates,
        "presentation": trial.presentation,
        "question": trial.question,
        "image": trial.image,
        "method": trial.method,
        "real_image": trial.real_image,
        "truth": trial.truth,
        "answer": trial.answer,
        "rt_ms": _format_number(frame.rt_ms),
        "exposure_ms": _format_number(frame.exposure_ms),
    }


def _build_judgments(study: str, position: int, trial: Trial) -> Iterator[TableRow]:
    for one in trial.judgments:
        yield {
            "study": study,
            "participant": trial.frame.participant,
            "mode": trial.frame.mode,
            "kind": trial.frame.kind,
            "position": position,
            "slot": one.slot,
            "image": one.image,
            "method": one.method,
            **_said(one),
        }


def _said(one: Judgment) -> TableRow:
    if one.value is None:
        return {}
    column = "rank" if one.scale == "rank" else "score"
    return {"scale": one.scale, column: _format_number(one.value)}


def _build_participant(study: str, own: Sequence[Trial]) -> TableRow:
    frame = own[0].frame
    checks = [trial for trial in own if trial.frame.kind == "attention"]
    methods = {
        method
        for trial in own
        if trial.frame.kind == "test"
        for method in (trial.method, *(one.method for one in trial.judgments))
    }
    return {
        "study": study,
        "participant": frame.participant,
        "outcome": frame.outcome,
        "mode": frame.mode,
        "methods": " ".join(sorted(methods - {""})),
        "trials_planned": len(own),
        "trials_answered": sum(map(is_answered, own)),
        "attention_checks_planned": len(checks),
        "attention_checks_correct": _count_correct(checks),
        "impossible_rt": sum(
            trial.frame.rt_ms is not None and trial.frame.rt_ms < IMPOSSIBLE_MS for trial in own
        ),
    }


def is_answered(trial: Trial) -> bool:
    """Return whether a trial has an answer."""
    return bool(trial.answer) or any(one.value is not None for one in trial.judgments)


def _count_correct(checks: Sequence[Trial]) -> int | None:
    """Return the number of passed attention checks; None for judgments, which the report checks."""
    if any(check.judgments for check in checks):
        return None
    return sum(
        check.answer != "" and (check.answer == check.truth) == (check.question == "fake")
        for check in checks
    )


def _format_number(number: float | None) -> int | float | None:
    if number is None:
        return None
    rounded = round(number, 3)
    return int(rounded) if float(rounded).is_integer() else rounded
