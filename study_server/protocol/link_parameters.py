"""The query parameters of the entry link that a study stores: which names are possible."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

MAX_LINK_PARAMETERS = 10
MAX_LINK_VALUE = 200  # characters
LinkParameterName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
# What the entry page reads itself: the language, and what identifies a person on a platform.
RESERVED_NAMES = (
    "lang", "back", "invitation", "PROLIFIC_PID", "STUDY_ID", "SESSION_ID", "assignmentId", "hitId",
    "workerId", "turkSubmitTo", "survey_code", "id",
)  # fmt: skip


def find_link_parameter_contradictions(names: Sequence[str]) -> list[str]:
    """Return the names that are listed twice or have another meaning in the entry link."""
    reserved = {name.casefold() for name in RESERVED_NAMES}
    return [
        *(
            f"link_parameters lists {name!r} twice; list each once"
            for name in sorted({name for name in names if names.count(name) > 1})
        ),
        *(
            f"link_parameters names {name!r}, which platforms and this server use to recognize "
            "people; choose another name"
            for name in names
            if name.casefold() in reserved
        ),
    ]


def select_link_parameters(names: Sequence[str], address: Mapping[str, str]) -> dict[str, str]:
    """Return the allowed parameters of an address that have a value, cut to MAX_LINK_VALUE."""
    values = {name: address.get(name, "")[:MAX_LINK_VALUE] for name in names}
    return {name: value for name, value in values.items() if value}
