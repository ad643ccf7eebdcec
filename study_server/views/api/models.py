"""The requests and replies of the trial API; its OpenAPI document describes them (docs/api.md)."""

from collections.abc import Mapping
from typing import Annotated, Literal

from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from study_server.vocabulary import (
    Answer,
    ColorVision,
    NightLight,
    Outcome,
    Side,
    Slot,
    TrialFlag,
    TrialKind,
)

ElapsedMs = Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)]
FrameCount = Annotated[int, Field(ge=0, le=100_000_000)]
IgnoredInputCount = Annotated[int, Field(ge=0, le=1_000_000)]
NO_NUL_PATTERN = r"^[^\x00]*$"  # PostgreSQL's texts hold all characters but this one
ShortText = Annotated[str, Field(max_length=64, pattern=NO_NUL_PATTERN)]
ExternalId = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL_PATTERN)]
MAX_COMMENT = 10_000  # characters


class StudyPath(BaseModel):
    """The address of a study. An unknown slug is 404, whatever its form."""

    slug: str = Field(json_schema_extra={"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"})


class PlatePath(BaseModel):
    """The address of a color plate. A number without a plate is 404."""

    number: int = Field(json_schema_extra={"minimum": 0, "maximum": 1000})


class TrialPath(BaseModel):
    """The address of a trial. An unknown token is 404, whatever its form."""

    trial_token: str = Field(json_schema_extra={"pattern": "^[A-Za-z0-9_-]{1,64}$"})


class ImagePath(TrialPath):
    """The address of one image of a trial."""

    slot: Slot


class RequestBody(BaseModel):
    """A body whose keys are all known: an unknown key is refused."""

    model_config = ConfigDict(extra="forbid")


class ConsentRequest(RequestBody):
    """The consent of somebody who has read the text of `consent_version`.

    external_id: tells people apart, such as a worker's id of a platform; only a keyed hash is
    stored, and the same person gets the same token again. Without one, everybody is a new
    participant. invitation: from the link that `study invite` or `study preview` prints.
    """

    consent: Literal[True]
    consent_version: ShortText
    language: ShortText
    external_id: ExternalId | None = None
    invitation: Annotated[str, Field(max_length=500)] | None = None


class ScreeningRequest(RequestBody):
    """The answers to the screening questions; digits: as read on the plates, in their order."""

    color_vision: ColorVision | None = None
    night_light: NightLight | None = None
    digits: Annotated[list[ShortText], Field(max_length=100)] = []


class ResponseRequest(RequestBody):
    """The answer to a trial and how it was given.

    id: the front end's own, the same whenever it sends this answer. rt_ms: from the frame that
    showed the answers. first_ms, second_ms: the achieved exposures; no second one where there is
    one image, or where both are shown at once. *_frames: the animation frames that they took.
    early_inputs, repeated_inputs: inputs that were ignored, before the buttons were there, or of a
    held key or a double click. input: the event's pointerType (mouse, touch, pen), else its type
    (keydown; click for the Enter key, for assistive technology, or where the browser tells no
    pointer); script where the browser did not make the event itself (isTrusted is false).
    """

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL_PATTERN)] | None = None
    answer: Answer
    rt_ms: Annotated[int, Field(ge=0, le=86_400_000)]
    first_ms: ElapsedMs
    second_ms: ElapsedMs | None = None
    first_frames: FrameCount | None = None
    second_frames: FrameCount | None = None
    early_inputs: IgnoredInputCount = 0
    repeated_inputs: IgnoredInputCount = 0
    input: Annotated[str, Field(max_length=64, pattern="^[!-~]*$")] = ""
    flags: Annotated[list[TrialFlag], Field(max_length=8)] = []


class IncidentRequest(RequestBody):
    """An image that cannot be shown; status: of the reply, null where the reply was no image."""

    slot: Slot
    status: Annotated[int, Field(ge=100, le=599)] | None = None


class EnvironmentRequest(RequestBody):
    """The display, as the browser describes it. webdriver: whether the browser is automated."""

    language: ShortText
    refresh_hz: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
    device_pixel_ratio: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    viewport: ShortText
    color_gamut: ShortText
    dynamic_range: ShortText = ""
    inverted_colors: bool
    forced_colors: bool
    webdriver: bool | None = None


class CommentRequest(RequestBody):
    """A participant's comment at the end."""

    comment: Annotated[str, Field(max_length=MAX_COMMENT, pattern=NO_NUL_PATTERN)]


class StudyTexts(BaseModel):
    """The texts that participants read, in one language. consent, instructions: HTML."""

    title: str
    consent: str
    consent_version: str
    instructions: str
    question: str


class StudyDescription(BaseModel):
    """A study, as far as people may know it before they take part. texts: by language."""

    slug: str
    state: str
    minutes: NonNegativeInt
    trials: NonNegativeInt
    presentation: str
    question: str
    texts: dict[str, StudyTexts]


class EnrollmentReply(BaseModel):
    """The participant's token, to be sent as `Authorization: Bearer TOKEN`."""

    token: str


class ScreeningQuestions(BaseModel):
    """The questions before the first trial.

    is_pending: whether they must be answered yet. plates: the addresses of the plates.
    """

    is_pending: bool
    color_vision: bool
    night_light: bool
    plates: list[str]


class TrialImage(BaseModel):
    """An image; its url, from the server's root, is 410 once the trial is answered or voided."""

    slot: Slot
    url: str


class TrialTiming(BaseModel):
    """The durations of a trial in ms; exposure_ms: null where images stay until the answer."""

    blank_ms: NonNegativeInt
    exposure_ms: NonNegativeInt | None
    gap_ms: NonNegativeInt
    masks: NonNegativeInt
    mask_ms: NonNegativeInt
    after_ms: NonNegativeInt
    feedback_ms: NonNegativeInt | None


class TrialDescription(BaseModel):
    """A trial, as far as it may be known before the answer.

    number, total: its number among those of its kind. images: in the order in which they are shown.
    """

    token: str
    kind: TrialKind
    number: NonNegativeInt
    total: NonNegativeInt
    presentation: str
    images: list[TrialImage]
    timing: TrialTiming


class UpcomingTrialsReply(BaseModel):
    """The next trials, in order; none are left at the end. answered, planned: of all kinds."""

    answered: NonNegativeInt
    planned: NonNegativeInt
    trials: list[TrialDescription]


class PracticeFeedback(BaseModel):
    """The feedback to a practice trial; fake_slot: null where the single image is a photograph."""

    fake_slot: Side | Slot | None
    is_correct: bool


class ResponseReply(UpcomingTrialsReply):
    """The next trials, and the feedback to the answer, which only practice trials have."""

    feedback: PracticeFeedback | None


class FinalScore(BaseModel):
    """The number of test trials and of correct answers to them, as shown at the end."""

    correct: NonNegativeInt
    trials: NonNegativeInt


class ParticipationResult(BaseModel):
    """How it ended; code, score and debrief (HTML) are null unless the outcome is complete."""

    outcome: Outcome
    code: str | None
    score: FinalScore | None
    debrief: str | None


class ErrorReply(BaseModel):
    """What was wrong, in words; detail: more about it, in some replies."""

    error: str
    detail: str | None = None


ERROR_DESCRIPTIONS: Mapping[int, str] = {
    400: "The request is not as described.",
    401: "The token is missing or unknown.",
    403: "The study takes in nobody new.",
    404: "It does not exist.",
    405: "This address has no such method.",
    409: "Screening comes first, the trial was replaced, the study is over, or the text changed.",
    410: "The trial is answered or voided, so its images are gone.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not sent as application/json.",
}


def describe_errors(*statuses: int) -> ResponseDict:
    """Return what the OpenAPI document says of replies with these statuses."""
    schema = {"$ref": f"#/components/schemas/{ErrorReply.__name__}"}
    return {
        status: {
            "description": ERROR_DESCRIPTIONS[status],
            "content": {"application/json": {"schema": schema}},
        }
        for status in statuses
    }
