"""The addresses and request bodies of the trial API, as its OpenAPI document describes them.

The docstrings of the classes become descriptions in that document (docs/api.md).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from study_server.field_types import FROM_TEXT
from study_server.protocol.link_parameters import MAX_LINK_VALUE
from study_server.tasks.answers import WholeNumber, convert_integral_float
from study_server.vocabulary import ColorVision, NightLight, QuestionPage, TrialFlag


def _require_boolean(value: object) -> object:
    """Refuse 1 as a value for true, although Python considers them equal."""
    if not isinstance(value, bool):
        raise ValueError("must be true")
    return value


ElapsedMs = Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)]
FrameCount = Annotated[WholeNumber, Field(ge=0, le=100_000_000)]
IgnoredInputCount = Annotated[WholeNumber, Field(ge=0, le=1_000_000)]
NO_NUL_PATTERN = r"^[^\x00]*$"  # PostgreSQL cannot store this character in a text
ShortText = Annotated[str, Field(max_length=64, pattern=NO_NUL_PATTERN)]
ExternalId = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL_PATTERN)]
LinkValue = Annotated[str, Field(max_length=MAX_LINK_VALUE, pattern=NO_NUL_PATTERN)]
MAX_COMMENT = 10_000  # characters
FreeText = Annotated[str, Field(max_length=MAX_COMMENT, pattern=NO_NUL_PATTERN)]


class StudyPath(BaseModel):
    """The address of a study. Unknown and malformed slugs are 404."""

    slug: str = Field(json_schema_extra={"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"})


class PlatePath(BaseModel):
    """The address of a color plate. A number without a plate is 404."""

    number: int = Field(json_schema_extra={"minimum": 0, "maximum": 1000})


class TrialPath(BaseModel):
    """The address of a trial. Unknown and malformed tokens are 404."""

    trial_token: str = Field(json_schema_extra={"pattern": "^[A-Za-z0-9_-]{1,64}$"})


class ImagePath(TrialPath):
    """The address of one image of a trial. A slot that the trial does not have is 404."""

    slot: int = Field(json_schema_extra={"minimum": 0, "maximum": 1000})


class RequestBody(BaseModel):
    """A request body. Unknown keys and values of the wrong type, such as "7", are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ConsentRequest(RequestBody):
    """The consent of a participant who has read the text of `consent_version`.

    external_id: identifies the participant, such as the worker id on a platform. Only a keyed hash
    is stored; the same id gets the same token again. Without an id, every request enrolls a new
    participant. invitation: from the link printed by `study invite` or `study preview`.
    link_parameters: the query parameters of the link by which the participant came; those are
    stored that the study allows.
    """

    consent: Annotated[Literal[True], BeforeValidator(_require_boolean)]
    consent_version: ShortText
    language: ShortText
    external_id: ExternalId | None = None
    invitation: Annotated[str, Field(max_length=500)] | None = None
    link_parameters: Annotated[dict[ShortText, LinkValue], Field(max_length=100)] = {}


class ScreeningRequest(RequestBody):
    """The answers to the screening questions. digits: the digits read on each plate, in order."""

    color_vision: Annotated[ColorVision, FROM_TEXT] | None = None
    night_light: Annotated[NightLight, FROM_TEXT] | None = None
    digits: Annotated[list[ShortText], Field(max_length=100)] = []


QuestionAnswer = Annotated[FreeText | int | float | None, BeforeValidator(convert_integral_float)]


class QuestionsRequest(RequestBody):
    """The answers to the questions of a page, by name; questions left blank are missing.

    An answer is the 0-based index of an option, a number, or a text; null means that the
    participant prefers not to say.
    """

    page: Annotated[QuestionPage, FROM_TEXT]
    answers: Annotated[
        dict[ShortText, QuestionAnswer],
        Field(
            max_length=100, examples=[{"age": 2, "years": 3.5, "how": "By the sky.", "job": None}]
        ),
    ] = {}


class ResponseRequest(RequestBody):
    """The answer to a trial, with its timing.

    id: chosen by the front end, and repeated each time it sends this answer. answer: depends on the
    task of the trial (docs/api.md). rt_ms: time from the
    frame that showed the buttons to the answer. first_ms, second_ms: achieved exposures; second_ms
    is null for a single image and for images shown at once. *_frames: the exposures in animation
    frames. early_inputs: inputs ignored before the buttons appeared. repeated_inputs: inputs
    ignored because they came from a held key or a double click. input: the event's pointerType
    (mouse, touch, pen), else its type (keydown; click for the Enter key, for assistive technology,
    or if the browser reports no pointer); script if the browser did not generate the event
    (isTrusted is false). scale: displayed size of the images in CSS pixels divided by their own.
    """

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL_PATTERN)] | None = None
    answer: Annotated[
        dict[str, Any],
        Field(
            max_length=16,
            examples=[
                {"choice": 0},
                {"verdict": "fake"},
                {"best": 0, "worst": 2},
                {"order": [2, 0, 1]},
                {"scores": {"quality": 4}},
            ],
        ),
    ]
    rt_ms: Annotated[WholeNumber, Field(ge=0, le=86_400_000)]
    first_ms: ElapsedMs
    second_ms: ElapsedMs | None = None
    first_frames: FrameCount | None = None
    second_frames: FrameCount | None = None
    early_inputs: IgnoredInputCount = 0
    repeated_inputs: IgnoredInputCount = 0
    input: Annotated[str, Field(max_length=64, pattern="^[!-~]*$")] = ""
    scale: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    flags: Annotated[list[Annotated[TrialFlag, FROM_TEXT]], Field(max_length=8)] = []


class IncidentRequest(RequestBody):
    """An image that failed to load. status: HTTP status; null if the reply was not an image."""

    slot: Annotated[WholeNumber, Field(ge=0, le=1000)]
    status: Annotated[WholeNumber, Field(ge=100, le=599)] | None = None


class EnvironmentRequest(RequestBody):
    """The display, as described by the browser. webdriver: true if the browser is automated."""

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

    comment: FreeText
