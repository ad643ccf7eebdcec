"""The facts about a publication that only its authors know: who they are, and the license.

The authors and the license are kept for the next publication; an address belongs to one study.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from study_server.errors import StudyError
from study_server.files import atomic_write

FACTS_FILE = "publication.toml"  # in the instance folder, so that they are asked for once
AUTHOR_PATTERN = re.compile(r"(?P<name>[^<>]*[^<>\s])(?:\s+<(?P<orcid>(\d{4}-){3}\d{3}[\dX])>)?")
LICENSE_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")  # of an SPDX identifier


def _check_author(author: str) -> str:
    if not AUTHOR_PATTERN.fullmatch(author.strip()):
        raise ValueError("write a name, or a name and an ORCID: Ada Lovelace <0000-0000-0000-0000>")
    return author.strip()


def _check_license(name: str) -> str:
    if not LICENSE_PATTERN.fullmatch(name.strip()):
        raise ValueError("write an SPDX identifier, such as CC-BY-4.0 or CC0-1.0")
    return name.strip()


class PublicationFacts(BaseModel):
    """The authors, the license of the data and, if there is one, the address of a publication."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authors: Annotated[
        tuple[Annotated[str, AfterValidator(_check_author)], ...], Field(min_length=1)
    ]
    license: Annotated[str, AfterValidator(_check_license)]
    url: str = ""

    def split_authors(self) -> list[tuple[str, str]]:
        """Return the name and the ORCID of each author; without one, it is empty."""
        matches = [AUTHOR_PATTERN.fullmatch(author) for author in self.authors]
        return [(match["name"], match["orcid"] or "") for match in matches if match]


def parse_facts(values: Mapping[str, object], place: str) -> PublicationFacts:
    """Return the facts; raises StudyError, which names `place`, if a value is missing or wrong."""
    try:
        return PublicationFacts.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise StudyError(f"{place}: {key}: {reason}") from error


def read_facts(folder: Path) -> PublicationFacts | None:
    """Read the authors and the license, or return None if nobody has given them yet.

    Raises StudyError if the file is damaged.
    """
    file = folder / FACTS_FILE
    try:
        return parse_facts(tomllib.loads(file.read_text(encoding="utf-8")), str(file))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StudyError(f"{file}: cannot be read ({error}); mend or delete it") from error


def write_facts(facts: PublicationFacts, folder: Path) -> Path:
    """Write the authors and the license to an instance folder; return the file."""
    lines = [
        "authors = [",
        *(f"    {_quote(author)}," for author in facts.authors),
        "]",
        f"license = {_quote(facts.license)}",
    ]
    with atomic_write(folder / FACTS_FILE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / FACTS_FILE


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
