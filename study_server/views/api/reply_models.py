"""The replies of the trial API, as its OpenAPI document describes them.

The docstrings of the classes become descriptions in that document (docs/api.md).
"""

from collections.abc import Mapping

from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, NonNegativeInt

from study_server.vocabulary import Outcome, QuestionPage, QuestionType, TrialKind


class StudyTexts(BaseModel):
    """The texts for participants in one language. consent and instructions are HTML."""

    title: str
    consent: str
    consent_version: str
    instructions: str
    question: str


class StudyDescription(BaseModel):
    """A description of a study for prospective participants.

    question: fake or real if the task has right answers, else empty. texts: by language.
    """

    slug: str
    state: str
    minutes: NonNegativeInt
    trials: NonNegativeInt
    task: str
    presentation: str
    question: str
    texts: dict[str, StudyTexts]


class EnrollmentReply(BaseModel):
    """The participant's token, to be sent as `Authorization: Bearer TOKEN`."""

    token: str


class ScreeningQuestions(BaseModel):
    """The questions before the first trial.

    is_pending: true until they are answered. plates: the addresses of the plates.
    """

    is_pending: bool
    color_vision: bool
    night_light: bool
    plates: list[str]


class StudyQuestion(BaseModel):
    """One of the study's own questions, in the participant's language.

    options: of a choice, else empty. required: a required question must also offer "Prefer not to
    say".
    """

    name: str
    text: str
    kind: QuestionType
    options: list[str]
    required: bool


class PendingQuestions(BaseModel):
    """The page of questions to answer now. page: null if there are none."""

    page: QuestionPage | None
    questions: list[StudyQuestion]


class TrialSlot(BaseModel):
    """A place on the stage. image: absolute path; 410 once the trial is answered or voided.

    appears: when the image is shown: 0 for the first, 1 for the second.
    """

    image: str
    appears: NonNegativeInt


class TrialTiming(BaseModel):
    """The durations of a trial in ms.

    exposure_ms: null if images stay until the answer, or if awaits_exposure: the exposure then
    comes with the reply to the answer before, and the trial cannot start earlier. feedback_ms: 0 if
    the feedback stays until the participant continues; null if there is none.
    """

    blank_ms: NonNegativeInt
    exposure_ms: NonNegativeInt | None
    awaits_exposure: bool
    gap_ms: NonNegativeInt
    masks: NonNegativeInt
    mask_ms: NonNegativeInt
    after_ms: NonNegativeInt
    feedback_ms: NonNegativeInt | None


class TrialScale(BaseModel):
    """A scale of a rating, in the participant's language.

    labels: one per step, or those of the two ends of a slider.
    """

    name: str
    text: str
    min: int
    max: int
    labels: list[str]
    is_slider: bool


class TrialDescription(BaseModel):
    """A trial, without anything that reveals the answer.

    block: counted from 0; participants can rest between blocks. number, total: the trial's number
    among the trials of its kind, and how many there are. slots: the candidates, from left to right.
    reference: the address of an image to compare them with, or null. caption: a text to show with
    the images, or null. ties: whether the answer may be that the images are equal.
    """

    token: str
    kind: TrialKind
    block: NonNegativeInt
    number: NonNegativeInt
    total: NonNegativeInt
    task: str
    presentation: str
    layout: str
    slots: list[TrialSlot]
    reference: str | None
    caption: str | None
    ties: bool
    scales: list[TrialScale]
    timing: TrialTiming


class UpcomingTrialsReply(BaseModel):
    """The next trials, in order; empty at the end. answered, planned: counts over all kinds."""

    answered: NonNegativeInt
    planned: NonNegativeInt
    trials: list[TrialDescription]


class AnswerFeedback(BaseModel):
    """The feedback to an answer. truth: what each candidate is, by slot."""

    is_correct: bool
    truth: list[str]


class ResponseReply(UpcomingTrialsReply):
    """The next trials, and the feedback to the answer.

    Only practice trials and the trials of a staircase have feedback, and only if the task has right
    answers.
    """

    feedback: AnswerFeedback | None


class FinalScore(BaseModel):
    """The number of test trials and of correct answers to them, as shown at the end."""

    correct: NonNegativeInt
    trials: NonNegativeInt


class ParticipationResult(BaseModel):
    """The outcome. code, score and debrief (HTML) are null unless the outcome is complete.

    They are also null while questions after the last trial are pending. score: null as well if the
    task has no right answers.
    """

    outcome: Outcome
    code: str | None
    score: FinalScore | None
    debrief: str | None


class ErrorReply(BaseModel):
    """A description of the error. detail: more information, in some replies."""

    error: str
    detail: str | None = None


ERROR_DESCRIPTIONS: Mapping[int, str] = {
    400: "The request is invalid.",
    401: "The token is missing or unknown.",
    403: "The study does not admit this participant.",
    404: "Not found.",
    405: "Method not allowed.",
    409: (
        "Conflict: questions are pending or not yet due, the trial was replaced, the study is over "
        "for this participant, or the consent text has changed."
    ),
    410: "The trial has been answered or voided; its images are no longer available.",
    413: "The body is larger than 64 KiB.",
    415: "The content type must be application/json.",
    429: "Too many attempts from this address; try again in a minute.",
}


def describe_errors(*statuses: int) -> ResponseDict:
    """Return the OpenAPI descriptions of the error replies with these statuses."""
    schema = {"$ref": f"#/components/schemas/{ErrorReply.__name__}"}
    return {
        status: {
            "description": ERROR_DESCRIPTIONS[status],
            "content": {"application/json": {"schema": schema}},
        }
        for status in statuses
    }
