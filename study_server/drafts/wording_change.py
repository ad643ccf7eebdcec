"""Save edited texts of a draft, and list what is left to do in them."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.drafts.draft import begin_change
from study_server.errors import StudyError
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Study, Wording
from study_server.vocabulary import WordingPart
from study_server.wording.checks import check_text, find_unfilled_places, strip_comments
from study_server.wording.defaults import apply_conditions
from study_server.wording.files import resolve_text
from study_server.wording.markdown import TextProblem
from study_server.wording.stored import load_wording

ProblemsByPart = Mapping[WordingPart, list[TextProblem]]


class WordingProblemsError(StudyError):
    """Texts that cannot be saved. problems: by part, each with its line."""

    def __init__(self, problems: ProblemsByPart) -> None:
        self.problems = problems
        super().__init__("Some texts have problems; they are marked, and nothing was saved")


class TextPlace(NamedTuple):
    """A line of a text that has to be looked at before the freeze."""

    language: str
    part: WordingPart
    line: int
    message: str


def normalize_text(text: str) -> str:
    """Return a text as a file has it; forms send carriage returns."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def find_text_problems(
    language: str, part: WordingPart, text: str, protocol: Protocol
) -> list[TextProblem]:
    """Return the problems of a text, as `study reword` reports them."""
    return list(check_text(language, part, normalize_text(text), protocol))


def change_texts(
    db: Session, study: Study, language: str, texts: Mapping[WordingPart, str], *, version: str
) -> list[WordingPart]:
    """Save the texts of one language, and return the parts that were changed.

    version: as for `begin_change`. Raises WordingProblemsError, and StudyError if the study has
    been changed by others or is no longer a draft.
    """
    protocol = parse_stored_protocol(study.protocol)
    texts = {part: normalize_text(text) for part, text in texts.items()}
    problems = {p: find_text_problems(language, p, text, protocol) for p, text in texts.items()}
    if any(problems.values()):
        raise WordingProblemsError({part: found for part, found in problems.items() if found})
    begin_change(db, study, version)
    query = select(Wording).where(Wording.study_id == study.id, Wording.language == language)
    rows = {row.part: row for row in db.scalars(query)}
    resolved = {part: resolve_text(text, protocol) for part, text in texts.items()}
    changed = [part for part, text in resolved.items() if rows[part].text != text]
    for part in changed:
        rows[part].text = resolved[part]
    db.flush()
    return changed


def list_open_places(db: Session, study: Study) -> list[TextPlace]:
    """Return the places to fill in, and the problems of texts that no longer fit the protocol."""
    protocol = parse_stored_protocol(study.protocol)
    return [
        TextPlace(language, part, problem.line, problem.message)
        for (language, part), text in load_wording(db, study).items()
        for problem in (
            *find_unfilled_places(_shown_lines(text, protocol)),
            *check_text(language, part, text, protocol),
        )
    ]


def _shown_lines(text: str, protocol: Protocol) -> str:
    return strip_comments(apply_conditions(text, protocol))


def list_unfilled(text: str, protocol: Protocol) -> list[TextProblem]:
    """Return the places of a typed text that are left to fill in."""
    return find_unfilled_places(_shown_lines(normalize_text(text), protocol))
