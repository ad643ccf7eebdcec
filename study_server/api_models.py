"""What the trial API takes and gives; openapi.json is made from these models (docs/api.md)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from study_server.vocabulary import (
    Choice,
    ColorVision,
    Flag,
    Kind,
    NightLight,
    Outcome,
    Place,
    Side,
)

Milliseconds = Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)]
Frames = Annotated[int, Field(ge=0, le=100_000_000)]
Ignored = Annotated[int, Field(ge=0, le=1_000_000)]
NO_NUL = r"^[^\x00]*$"  # PostgreSQL's texts hold all characters but this one
ShortText = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
Count = Annotated[int, Field(ge=0)]
MAX_COMMENT = 10_000  # characters


class Body(BaseModel):
    """What is sent: a key that is not known is a mistake, not passed over."""

    model_config = ConfigDict(extra="forbid")


class ConsentBody(Body):
    """Somebody has read the consent text and agreed.

    consent_version: of the text that they read. person: what tells people apart, a worker's id say;
    only a keyed hash is kept, and the same person gets the same token again. Without one everybody
    is somebody new. invitation: of a preview, in the link that `study preview` prints.
    """

    consent: Literal[True]
    consent_version: ShortText
    language: ShortText
    person: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)] | None = None
    invitation: Annotated[str, Field(max_length=500)] | None = None


class EligibilityBody(Body):
    """What somebody answers of what is asked; digits: as read on the plates, in their order."""

    color_vision: ColorVision | None = None
    night_light: NightLight | None = None
    digits: Annotated[list[ShortText], Field(max_length=100)] = []


class ResponseBody(Body):
    """The answer to a trial, as `responses.Answer` describes it.

    input: the event's pointerType (mouse, touch, pen), else its type (keydown; click of the Enter
    key, of assistive technology, or where the browser tells no pointer); script where the browser
    did not make it itself (isTrusted is false).
    """

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)] | None = None
    answer: Choice
    rt_ms: Annotated[int, Field(ge=0, le=86_400_000)]
    first_ms: Milliseconds
    second_ms: Milliseconds | None = None
    first_frames: Frames | None = None
    second_frames: Frames | None = None
    early: Ignored = 0
    held: Ignored = 0
    input: Annotated[str, Field(max_length=64, pattern="^[!-~]*$")] = ""
    flags: Annotated[list[Flag], Field(max_length=8)] = []


class IncidentBody(Body):
    """An image that cannot be shown. status: of the reply; none where what came is no image."""

    place: Place
    status: Annotated[int, Field(ge=100, le=599)] | None = None


class EnvironmentBody(Body):
    """The screen, as the browser describes it. webdriver: a program drives the browser."""

    language: ShortText
    refresh_hz: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
    device_pixel_ratio: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    viewport: ShortText
    color_gamut: ShortText
    dynamic_range: ShortText = ""
    inverted_colors: bool
    forced_colors: bool
    webdriver: bool | None = None


class CommentBody(Body):
    """What the participant wants to say at the end."""

    comment: Annotated[str, Field(max_length=MAX_COMMENT, pattern=NO_NUL)]


class Texts(BaseModel):
    """What participants read, in one language. consent, instructions: HTML."""

    title: str
    consent: str
    consent_version: str
    instructions: str
    question: str


class StudyDescription(BaseModel):
    """A study as somebody may know it before they take part."""

    slug: str
    state: str
    minutes: Count
    trials: Count
    presentation: str
    question: str
    texts: dict[str, Texts]  # by language


class Enrolled(BaseModel):
    """token: whoever holds it is the participant; send it as `Authorization: Bearer TOKEN`."""

    token: str


class Eligibility(BaseModel):
    """What is asked before the first trial. pending: not answered yet. plates: their addresses."""

    pending: bool
    color_vision: bool
    night_light: bool
    plates: list[str]


class Image(BaseModel):
    """url: from the server's root; it is dead once the trial is answered or voided."""

    place: Place
    url: str


class Timing(BaseModel):
    """How a trial goes, in ms. exposure_ms: none where images stay until the answer."""

    blank_ms: Count
    exposure_ms: Count | None
    gap_ms: Count
    masks: Count
    mask_ms: Count
    after_ms: Count
    feedback_ms: Count | None


class Trial(BaseModel):
    """What may be known before the answer. images: in the order in which they are shown."""

    token: str
    kind: Kind
    number: Count
    of: Count
    presentation: str
    images: list[Image]
    timing: Timing


class Trials(BaseModel):
    """The next trials, in order; none left: it is over. answered, planned: of all kinds."""

    answered: Count
    planned: Count
    trials: list[Trial]


class Feedback(BaseModel):
    """After practice. fake: its place; none where the single image was a photograph."""

    fake: Side | Place | None
    correct: bool


class Stored(Trials):
    """The answer is stored, and the next trials. feedback: of practice trials only."""

    feedback: Feedback | None


class Score(BaseModel):
    """Of the test trials, as shown at the end."""

    correct: Count
    trials: Count


class Result(BaseModel):
    """How it ended. code, score, debrief (HTML): only of who is complete, by stored answers."""

    outcome: Outcome
    code: str | None
    score: Score | None
    debrief: str | None


class Problem(BaseModel):
    """What was wrong, in words. detail: more of it, where there is more."""

    error: str
    detail: str | None = None
