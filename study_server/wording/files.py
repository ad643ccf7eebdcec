"""wording/LANGUAGE/PART.md beside study.toml: written once, edited, read back by the import."""

from collections.abc import Mapping
from pathlib import Path

from study_server.errors import StudyError
from study_server.languages import LANGUAGES
from study_server.protocol import Protocol
from study_server.wording.checks import check, find_unfilled, strip_comments
from study_server.wording.defaults import compose
from study_server.words import Part

Texts = Mapping[tuple[str, Part], str]  # by language and part, without comments


def write_wording(protocol: Protocol, folder: Path) -> list[Path]:
    """Write the default of every file that is missing, in all languages; returns which."""
    written = []
    for language in LANGUAGES:
        for part in Part:
            file = find_file(folder, language, part)
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(compose(language, part, protocol), encoding="utf-8")
                written.append(file)
    return written


def read_wording(protocol: Protocol, folder: Path) -> Texts:
    """The texts of the protocol's languages. Raises StudyError naming file, line and remedy."""
    return {
        (language, part): _read_part(protocol, find_file(folder, language, part), language, part)
        for language in protocol.languages
        for part in Part
    }


def compose_wording(protocol: Protocol) -> Texts:
    """The defaults, as if they had been written and read."""
    return {
        (language, part): strip_comments(compose(language, part, protocol)).strip()
        for language in protocol.languages
        for part in Part
    }


def list_unfilled(protocol: Protocol, folder: Path) -> list[str]:
    """FILE:LINE: [... what], where only the researcher knows what to write."""
    files = [find_file(folder, lang, part) for lang in protocol.languages for part in Part]
    return [
        f"{file}:{line}: {words}"
        for file in files
        for line, words in find_unfilled(strip_comments(file.read_text(encoding="utf-8-sig")))
    ]


def find_file(folder: Path, language: str, part: Part) -> Path:
    return folder / language / f"{part}.md"


def _read_part(protocol: Protocol, file: Path, language: str, part: Part) -> str:
    text = _read(file)
    for line, fault in check(language, part, text, protocol):
        raise StudyError(f"{file}:{line}: {fault}")
    return strip_comments(text).strip()


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StudyError(
            f"{file}: not readable; `study wording` writes the defaults, and `languages` in "
            "study.toml says which are wanted"
        ) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StudyError(f"{file}:{line}: not UTF-8; save the file in that encoding") from error
