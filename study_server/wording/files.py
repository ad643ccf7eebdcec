"""Write and read the text files of a study, wording/LANGUAGE/PART.md next to study.toml."""

from collections.abc import Mapping
from pathlib import Path

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.languages import LANGUAGES
from study_server.protocol.model import Protocol
from study_server.vocabulary import WordingPart
from study_server.wording.checks import check_text, find_unfilled_places, strip_comments
from study_server.wording.defaults import (
    apply_conditions,
    compose_default,
    remove_dropped_lines,
)

TextsByPart = Mapping[tuple[str, WordingPart], str]  # by language and part, without comments


def write_wording(protocol: Protocol, folder: Path) -> list[Path]:
    """Write the default of every missing file, in all languages, and return the new files."""
    written = []
    for language in LANGUAGES:
        for part in WordingPart:
            file = text_path(folder, language, part)
            if not file.exists():
                with atomic_write(file) as temporary:
                    text = compose_default(language, part, protocol)
                    temporary.write_text(text, encoding="utf-8")
                written.append(file)
    return written


def read_wording(protocol: Protocol, folder: Path) -> TextsByPart:
    """Read and check the texts in the protocol's languages.

    Raises StudyError with the file, the line and the remedy.
    """
    return {
        (language, part): _read_part(protocol, text_path(folder, language, part), language, part)
        for language in protocol.languages
        for part in WordingPart
    }


def compose_wording(protocol: Protocol) -> TextsByPart:
    """Return the default texts as if they had been written to files and read back."""
    return {
        (language, part): resolve_text(compose_default(language, part, protocol), protocol)
        for language in protocol.languages
        for part in WordingPart
    }


def list_unfilled_places(protocol: Protocol, folder: Path) -> list[str]:
    """Return `FILE:LINE: [... what]` for every place that only the researcher can fill in."""
    files = [text_path(folder, lang, part) for lang in protocol.languages for part in WordingPart]
    contents = [(file, file.read_text(encoding="utf-8-sig")) for file in files]
    return [
        f"{file}:{line}: {placeholder}"
        for file, content in contents
        for line, placeholder in find_unfilled_places(
            strip_comments(apply_conditions(content, protocol))
        )
    ]


def text_path(folder: Path, language: str, part: WordingPart) -> Path:
    """Return the path of one text file."""
    return folder / language / f"{part}.md"


def _read_part(protocol: Protocol, file: Path, language: str, part: WordingPart) -> str:
    text = _read(file)
    for line, message in check_text(language, part, text, protocol):
        raise StudyError(f"{file}:{line}: {message}")
    return resolve_text(text, protocol)


def resolve_text(text: str, protocol: Protocol) -> str:
    """Return the text as participants read it, except for placeholders."""
    return strip_comments(remove_dropped_lines(text, protocol)).strip()


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StudyError(
            f"{file}: cannot be read; run `study wording` to write the default, or remove the "
            "language from `languages` in study.toml"
        ) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StudyError(f"{file}:{line}: not UTF-8; save the file as UTF-8") from error
