"""The protocol of a study: settings without contradictions, and what follows from them."""

import json
from functools import lru_cache

from pydantic import model_validator

from study_server.protocol.contradictions import (
    find_count_contradictions,
    find_linking_contradictions,
    find_presentation_contradictions,
    find_scale_contradictions,
    find_staircase_contradictions,
)
from study_server.protocol.keys import ProtocolKeys
from study_server.protocol.link_parameters import find_link_parameter_contradictions
from study_server.protocol.questions import Question, find_question_contradictions
from study_server.tasks.catalog import TASKS
from study_server.tasks.task import Task
from study_server.vocabulary import QuestionPage, TrialKind

TYPICAL_ANSWER_MS = 1500  # estimate for one trial
TYPICAL_FEEDBACK_MS = 2400  # estimate for feedback that stays until the participant continues
TYPICAL_LOOK_MS = 3000  # estimate for images that stay until the answer, without the answer
TYPICAL_QUESTION_MS = 10_000  # estimate for one of the study's own questions
TYPICAL_READING_MINUTES = 2  # estimate for all pages


class Protocol(ProtocolKeys):
    """The settings of a study that do not contradict each other, and what follows from them."""

    @model_validator(mode="after")
    def _require_consistency(self) -> "Protocol":
        for contradiction in (
            *find_count_contradictions(self),
            *find_presentation_contradictions(self),
            *TASKS[self.task].find_contradictions(self),
            *find_scale_contradictions(self),
            *find_staircase_contradictions(self),
            *find_question_contradictions(self.questions, self.languages),
            *find_linking_contradictions(self),
            *find_link_parameter_contradictions(self.link_parameters),
        ):
            raise ValueError(contradiction)
        return self

    @property
    def has_screening(self) -> bool:
        """True if participants answer screening questions before the first trial."""
        return {self.color_vision, self.night_light} != {"unasked"} or self.plates > 0

    def questions_on(self, page: QuestionPage) -> tuple[Question, ...]:
        """Return the study's own questions on a page."""
        return tuple(question for question in self.questions if question.when is page)

    @property
    def has_complete_images(self) -> bool:
        """True if every source image needs a stimulus of every method."""
        return self.paired and not (self.is_single and task_of(self).HAS_TRUTH)

    @property
    def has_truth(self) -> bool:
        """True if the answer to a trial can be right or wrong."""
        return task_of(self).HAS_TRUTH

    @property
    def has_feedback(self) -> bool:
        """True if participants are told after some trials whether they were right."""
        return any(self.gives_feedback(kind) for kind in TrialKind if self.planned_trials[kind])

    def gives_feedback(self, kind: TrialKind) -> bool:
        """Return whether participants are told after trials of a kind whether they were right."""
        is_staircase = kind is TrialKind.TEST and self.staircase is not None
        return self.has_truth and (kind is TrialKind.PRACTICE or is_staircase)

    def awaits_exposure(self, kind: TrialKind, exposure_ms: int | None) -> bool:
        """Return whether a trial's exposure depends on an answer that is not stored yet."""
        return self.staircase is not None and kind is TrialKind.TEST and exposure_ms is None

    @property
    def candidate_count(self) -> int:
        """The number of candidates of each trial."""
        return 1 if self.is_single else self.candidates

    @property
    def planned_trials(self) -> dict[TrialKind, int]:
        """The number of trials per participant by kind; repeats count as test trials."""
        return {
            TrialKind.QUALIFICATION: self.qualification,
            TrialKind.PRACTICE: self.practice,
            TrialKind.TEST: self.trials + self.repeats,
            TrialKind.ATTENTION: self.attention_checks,
        }

    @property
    def different_trials(self) -> int:
        """The number of trials per participant that show different images.

        Repeats show images again, and so does each block of a staircase.
        """
        in_other_blocks = self.trials - self.trials_per_block
        return sum(self.planned_trials.values()) - self.repeats - in_other_blocks

    @property
    def trials_per_block(self) -> int:
        """The number of test trials in a block; without a staircase, all are in one."""
        return self.staircase.trials_per_block if self.staircase else self.trials

    def visible_trials(self, kind: TrialKind) -> int:
        """Return the number of trials of a kind that participants see announced.

        Attention checks are announced as test trials.
        """
        own = self.planned_trials[kind]
        return own + self.attention_checks if kind is TrialKind.TEST else own

    def visible_trials_before(self, kind: TrialKind) -> int:
        """Return the number of trials before the first of a kind, as `visible_trials` counts."""
        before = {TrialKind.QUALIFICATION: 0, TrialKind.PRACTICE: self.qualification}
        return before.get(kind, self.qualification + self.practice)

    @property
    def estimated_minutes(self) -> int:
        """The approximate duration of participation in minutes."""
        longest = max(exposure or TYPICAL_LOOK_MS for exposure in self.exposures_ms)
        shown = 2 * longest + self.gap_ms if self.presentation == "sequential" else longest
        masks_ms = self.masks * self.mask_ms * (2 if self.presentation == "sequential" else 1)
        trial_ms = self.blank_ms + shown + masks_ms + self.after_ms + TYPICAL_ANSWER_MS
        total_ms = sum(self.planned_trials.values()) * trial_ms
        with_feedback = sum(n for k, n in self.planned_trials.items() if self.gives_feedback(k))
        total_ms += with_feedback * (self.feedback_ms or TYPICAL_FEEDBACK_MS)
        total_ms += len(self.questions) * TYPICAL_QUESTION_MS
        return round(TYPICAL_READING_MINUTES + total_ms / 60_000)

    def canonical_json(self) -> str:
        """Return JSON with sorted keys and no spaces, the form that is stored and hashed."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def task_of(protocol: Protocol) -> Task:
    """Return the module of the protocol's task."""
    return TASKS[protocol.task]


@lru_cache(maxsize=64)  # it is immutable, and every request needs it
def parse_stored_protocol(canonical: str) -> Protocol:
    """Parse the canonical JSON of a protocol in the database."""
    return Protocol.model_validate_json(canonical)
