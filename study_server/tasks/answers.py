"""Read the answers of participants strictly, and name the field that is wrong."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from study_server.tasks.task import InvalidAnswerError, WireAnswer

Body = TypeVar("Body", bound=BaseModel)


def convert_integral_float(value: object) -> object:
    """Convert 7.0 to 7: JSON has only one type of number, and some programs write 7 as 7.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(convert_integral_float)]


class AnswerBody(BaseModel):
    """The answer to a trial. Unknown keys and values of a wrong type, such as "7", are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def read_answer(model: type[Body], answer: WireAnswer) -> Body:
    """Return the answer as an object of the model; raise InvalidAnswerError if it does not fit."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["answer", *(str(part) for part in first["loc"])])
        raise InvalidAnswerError(f"{field}: {first['msg']}") from error


def require_slot(field: str, slot: int, count: int) -> None:
    """Raise InvalidAnswerError unless the slot is one of `count` slots."""
    if not 0 <= slot < count:
        raise InvalidAnswerError(f"answer.{field}: got {slot}, expected 0 to {count - 1}")
