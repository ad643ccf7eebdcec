"""Find the methods in a folder of images: one folder per method, or a manifest."""

from collections.abc import Mapping
from pathlib import Path

from study_server.errors import StudyError
from study_server.protocol.model import Protocol
from study_server.stimuli.folders import find_images, write_manifest
from study_server.stimuli.manifest import METHOD_PATTERN
from study_server.stimuli.zip_upload import MANIFEST_NAME
from study_server.vocabulary import REAL_METHOD


def prepare_manifest(folder: Path, protocol: Protocol) -> Path:
    """Return the manifest in a folder; without one, write it for the folders of methods.

    Raises StudyError if there are no such folders, or if they do not suit the protocol.
    """
    existing = [path for path in folder.iterdir() if path.name.lower() == MANIFEST_NAME]
    if existing:
        return existing[0]
    folders = find_method_folders(folder)
    manifest = folder / MANIFEST_NAME
    write_manifest(manifest, folders, paired=has_pairs(folders, protocol))
    return manifest


def find_method_folders(folder: Path) -> dict[str, Path]:
    """Return the folders of images by method, which is their name in lowercase letters."""
    folders: dict[str, Path] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        method = path.name.lower()
        if not METHOD_PATTERN.fullmatch(method) or method in folders:
            raise StudyError(
                f"the folder {path.name!r} cannot be a method; name the folders with letters, "
                "digits, - and _, each differently"
            )
        folders[method] = path
    if REAL_METHOD not in folders:
        others = f"only {', '.join(folders)}" if folders else "no folders"
        raise StudyError(
            f"there is no folder {REAL_METHOD!r} with the photographs, {others}; make a folder per "
            "method, such as real and gan"
        )
    return folders


def has_pairs(folders: Mapping[str, Path], protocol: Protocol) -> bool:
    """Return whether files with one name are to be taken as a photograph and its fakes.

    That is so if the protocol requires it, or if the folders have the same names.
    """
    if protocol.has_complete_images or protocol.stimuli == "recolored":
        return True
    names = [set(find_images(method, folder)) for method, folder in folders.items()]
    return all(found == names[0] for found in names)
