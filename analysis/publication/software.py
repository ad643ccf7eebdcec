"""Copy the analysis into a published study, which can then be computed again by whoever has it."""

import shutil
from collections.abc import Iterator
from importlib.metadata import distribution, requires
from pathlib import Path

DISTRIBUTION, EXTRA = "hue-and-eye", "analysis"
METADATA_FILES = ("METADATA", "licenses/LICENSE")  # from which the copy knows its version


def copy_software(folder: Path) -> None:
    """Write the code of the analysis, its license, version and requirements to a new folder.

    With the requirements installed and the folder on PYTHONPATH, the copy runs like the original.
    """
    package = Path(__file__).parents[1]
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    installed = distribution(DISTRIBUTION)
    metadata = folder / f"{DISTRIBUTION.replace('-', '_')}-{installed.version}.dist-info"
    for name in METADATA_FILES:
        file = metadata / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(installed.read_text(name) or "", encoding="utf-8")
    lines = "".join(f"{requirement}\n" for requirement in list_requirements())
    (folder / "requirements.txt").write_text(lines, encoding="utf-8")


def list_requirements() -> Iterator[str]:
    """Yield the requirements of the analysis, as pip writes them."""
    for requirement in requires(DISTRIBUTION) or ():
        name, _, marker = requirement.partition(";")
        if not marker or marker.strip().replace("'", '"') == f'extra == "{EXTRA}"':
            yield name.strip()
