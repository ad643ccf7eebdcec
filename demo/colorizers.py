"""From photographs to stimuli: the demo's use of the `colorizer` command."""

from functools import partial
from pathlib import Path

from demo.commands import DemoError, execute, run, say, step
from demo.photographs import FOOLBOX, crop_photographs, find_packages, write_crops
from demo.sizes import FEWEST, FULL

RESERVE = 4  # photographs to test with that one participant does not need
SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def make_stimuli(place: Path, own: Path | None) -> None:
    """data/split.csv and outputs/manifest.csv in the folder `place`."""
    split, manifest = place / "data" / "split.csv", place / "outputs" / "manifest.csv"
    if own is None:
        step("Cutting photographs out of packages", split.exists(), partial(cut_photographs, place))
    else:
        step(f"Splitting {own}", split.exists(), partial(split_own, place, own, split))
    color = partial(run, place, "colorizer", "batch", "--split", "test", makes=manifest)
    step("Coloring what people will see", manifest.exists(), color)


def cut_photographs(place: Path) -> None:
    """The photographs of installed packages, and foolbox's where it can be downloaded."""
    wheel = download_foolbox(place)
    if wheel is None:
        say(f"    {FOOLBOX} cannot be downloaded: fewer photographs, so a shorter study")
    crops = list(crop_photographs(find_packages(wheel)))
    write_crops(crops, place / "photographs", place / "data" / "split.csv")
    say(f"    {len(crops)} squares of 256 pixels")


def download_foolbox(place: Path) -> Path | None:
    """Its wheel, downloaded but not installed; None without it."""
    pip = ("python", "-m", "pip", "download", "--quiet", "--retries", "1", "--no-deps")
    execute(place, (*pip, "--dest", ".", FOOLBOX))
    return next(place.glob("foolbox-*.whl"), None)


def find_own(folder: str) -> Path | None:
    """A researcher's own photographs, None where none are named. Raises DemoError on too few."""
    if not folder:
        return None
    own = Path(folder).expanduser().resolve()
    if not own.is_dir():
        raise DemoError(f"DEMO_PHOTOS={folder}: no such folder; name a folder of photographs")
    if (count := count_files(own)) < 2 * FEWEST:
        raise DemoError(f"{own}: {count} photographs; use {2 * FEWEST} or more, in color")
    return own


def count_files(own: Path) -> int:
    """How many files look like photographs; `colorizer split` may still refuse some."""
    return sum(path.suffix.lower() in SUFFIXES for path in own.rglob("*"))


def split_own(place: Path, own: Path, split: Path) -> None:
    """Draw from a researcher's own photographs what a study needs, near-duplicates left out."""
    count = count_files(own)
    test = min(FULL.photographs + RESERVE, count // 2)
    numbers = ("--test", str(test), "--val", str(min(20, max(1, count // 10))))
    run(place, "colorizer", "split", str(own), *numbers, makes=split)
