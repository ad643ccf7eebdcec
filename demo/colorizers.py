"""Make stimuli from photographs with the `colorizer` command."""

from functools import partial
from pathlib import Path

from demo.commands import DemoError, execute, print_now, run, run_step
from demo.photographs import (
    FOOLBOX_REQUIREMENT,
    crop_photographs,
    find_package_folders,
    write_crops,
)
from demo.sizes import FULL_SIZE, MIN_PHOTOGRAPHS

SPARE_PHOTOGRAPHS = 4  # photographs to test with that one participant does not need
PHOTO_SUFFIXES = {
    ".avif", ".bmp", ".jfif", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip


def make_stimuli(folder: Path, own: Path | None) -> None:
    """data/split.csv and outputs/manifest.csv in `folder`."""
    split, manifest = folder / "data" / "split.csv", folder / "outputs" / "manifest.csv"
    if own is None:
        run_step(
            "Cropping photographs from packages", split.exists(), partial(cut_photographs, folder)
        )
    else:
        run_step(f"Splitting {own}", split.exists(), partial(split_own_photos, folder, own, split))
    color = partial(run, folder, "colorizer", "batch", "--split", "test", output=manifest)
    run_step("Creating the stimuli", manifest.exists(), color)


def cut_photographs(folder: Path) -> None:
    """The photographs of installed packages, and foolbox's where it can be downloaded."""
    wheel = download_foolbox(folder)
    if wheel is None:
        print_now(
            f"    {FOOLBOX_REQUIREMENT} cannot be downloaded; the study will have fewer trials"
        )
    crops = list(crop_photographs(find_package_folders(wheel)))
    write_crops(crops, folder / "photographs", folder / "data" / "split.csv")
    print_now(f"    {len(crops)} squares of 256 x 256 pixels")


def download_foolbox(folder: Path) -> Path | None:
    """Its wheel, downloaded but not installed; None without it."""
    pip = ("python", "-m", "pip", "download", "--quiet", "--retries", "1", "--no-deps")
    execute(folder, (*pip, "--dest", ".", FOOLBOX_REQUIREMENT))
    return next(folder.glob("foolbox-*.whl"), None)


def find_own_photos(folder: str) -> Path | None:
    """A researcher's own photographs, None where none are named. Raises DemoError on too few."""
    if not folder:
        return None
    own = Path(folder).expanduser().resolve()
    if not own.is_dir():
        raise DemoError(f"DEMO_PHOTOS={folder}: no such folder; set it to a folder of photographs")
    if (count := count_photo_files(own)) < 2 * MIN_PHOTOGRAPHS:
        photographs = "1 photograph" if count == 1 else f"{count} photographs"
        raise DemoError(f"{own}: {photographs}; use at least {2 * MIN_PHOTOGRAPHS} in color")
    return own


def count_photo_files(own: Path) -> int:
    """Count the files that look like photographs; `colorizer split` may still refuse some."""
    return sum(path.suffix.lower() in PHOTO_SUFFIXES for path in own.rglob("*"))


def split_own_photos(folder: Path, own: Path, split: Path) -> None:
    """Draw from a researcher's own photographs what a study needs, near-duplicates left out."""
    count = count_photo_files(own)
    test = min(FULL_SIZE.photographs + SPARE_PHOTOGRAPHS, count // 2)
    numbers = ("--test", str(test), "--val", str(min(20, max(1, count // 10))))
    run(folder, "colorizer", "split", str(own), *numbers, output=split)
