"""Why a form was not saved, for the page that shows it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from study_server.drafts.draft import StaleDraftError
from study_server.drafts.protocol_errors import ProtocolFormError
from study_server.drafts.protocol_form import FormValues, list_differences
from study_server.errors import StudyError


@dataclass(frozen=True)
class Refusal:
    """The reasons why a form was not saved; there are none if it is shown for the first time.

    problem: a sentence without its end. problems: a sentence by input. differences: if someone else
    has saved meanwhile, the name of each input with the stored and the typed value.
    """

    problem: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    differences: Sequence[tuple[str, str, str]] = ()


NOT_REFUSED = Refusal()


def explain_refusal(error: StudyError, stored: FormValues, typed: FormValues) -> Refusal:
    """Return why the values that were typed were not saved."""
    return Refusal(
        str(error),
        error.problems if isinstance(error, ProtocolFormError) else {},
        list_differences(stored, typed) if isinstance(error, StaleDraftError) else (),
    )
