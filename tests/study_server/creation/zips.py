"""Zips of stimuli, as researchers upload them."""

import zipfile
from pathlib import Path

from tests.conftest import write_stimuli

Names = dict[str, bytes]  # contents by name


def write_zip(path: Path, names: Names) -> Path:
    """Write a zip with these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def read_names(
    folder: Path, images: int, methods: tuple[str, ...] = ("real", "l2", "foil")
) -> Names:
    """Return the images of a folder per method, made like `colorizer batch` makes them."""
    write_stimuli(folder, images, methods=methods)
    return {
        f"{method}/{file.name}": file.read_bytes()
        for method in methods
        for file in sorted((folder / method).iterdir())
    }
