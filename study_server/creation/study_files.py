"""The files of a study that its researcher edits: study.toml and the texts beside it."""

from pathlib import Path

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import format_toml
from study_server.studies.design import format_default_plan
from study_server.wording.files import write_wording


def choose_wording_folder(protocol: Protocol, out: Path) -> Protocol:
    """Return the protocol with a folder for its texts beside `out` that no other study uses.

    Raises StudyError if `out` exists.
    """
    if out.exists():
        raise StudyError(f"{out} already exists; use another --out, or remove it")
    name = "wording" if not (out.parent / "wording").exists() else f"wording-{protocol.slug}"
    return protocol.model_copy(update={"wording": name})


def write_study_files(protocol: Protocol, out: Path) -> Path:
    """Write a protocol file with comments, and its default texts; return the folder of the texts.

    Texts that exist are kept.
    """
    with atomic_write(out) as temporary:
        temporary.write_text(f"{format_toml(protocol)}\n{format_default_plan()}", encoding="utf-8")
    folder = out.parent / protocol.wording
    write_wording(protocol, folder)
    return folder
