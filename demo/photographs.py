"""Photographs from installed packages, cut into squares: scikit-image, scikit-learn, foolbox."""

import csv
import importlib.util
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from PIL import Image

SIDE = 256  # pixels, the size people see
FOOLBOX = "foolbox==3.3.4"  # its wheel has twenty ImageNet photographs inside


@dataclass(frozen=True)
class Photograph:
    """A picture in a package, cut into a grid of squares."""

    name: str
    package: str  # "skimage", "sklearn" or "foolbox"
    file: str  # inside the package
    columns: int
    rows: int
    left_out: tuple[int, ...] = ()  # squares with nothing to see, row by row

    @property
    def squares(self) -> list[int]:
        """The squares that are used, numbered row by row."""
        return [n for n in range(self.columns * self.rows) if n not in self.left_out]


@dataclass(frozen=True)
class Crop:
    """A square of a photograph; `image` is its id, `group` the photograph's name."""

    image: str
    group: str
    pixels: Image.Image  # RGB, SIDE x SIDE


# A participant needs 26 (4 + 20 + 2). None is among the photographs that the shipped models learned
# from. foolbox's files are named after the ImageNet class (00_243: a dog).
PHOTOGRAPHS = (
    Photograph("astronaut", "skimage", "data/astronaut.png", 2, 2),
    Photograph("coffee", "skimage", "data/coffee.png", 2, 1),
    Photograph("rocket", "skimage", "data/rocket.jpg", 2, 1),
    Photograph("chelsea", "skimage", "data/chelsea.png", 1, 1),
    Photograph("motorcycle", "skimage", "data/motorcycle_left.png", 3, 2),
    Photograph("flower", "sklearn", "datasets/images/flower.jpg", 2, 1),
    Photograph("china", "sklearn", "datasets/images/china.jpg", 3, 2, (2,)),
    Photograph("dog", "foolbox", "data/imagenet_00_243.jpg", 1, 1),
    Photograph("chairs", "foolbox", "data/imagenet_01_559.jpg", 2, 2),
    Photograph("bottle", "foolbox", "data/imagenet_02_438.jpg", 2, 2),
    Photograph("chestnuts", "foolbox", "data/imagenet_03_990.jpg", 2, 2),
    Photograph("strawberries", "foolbox", "data/imagenet_04_949.jpg", 2, 2, (3,)),
    Photograph("cottage", "foolbox", "data/imagenet_05_853.jpg", 2, 2, (2, 3)),
    Photograph("car", "foolbox", "data/imagenet_07_609.jpg", 2, 2),
    Photograph("yurts", "foolbox", "data/imagenet_08_915.jpg", 2, 2, (0, 1)),
    Photograph("cap", "foolbox", "data/imagenet_09_455.jpg", 1, 1),
    Photograph("drum", "foolbox", "data/imagenet_10_541.jpg", 2, 2, (2, 3)),
    Photograph("window", "foolbox", "data/imagenet_12_741.jpg", 2, 2, (1, 3)),
    Photograph("cannon", "foolbox", "data/imagenet_13_471.jpg", 2, 2, (0, 2)),
    Photograph("spoonbills", "foolbox", "data/imagenet_14_129.jpg", 1, 1),
    Photograph("geese", "foolbox", "data/imagenet_15_99.jpg", 2, 2),
    Photograph("dalmatian", "foolbox", "data/imagenet_16_251.jpg", 1, 1),
    Photograph("eagle", "foolbox", "data/imagenet_17_22.jpg", 1, 1),
    Photograph("leafhopper", "foolbox", "data/imagenet_18_317.jpg", 1, 1),
    Photograph("beetle", "foolbox", "data/imagenet_19_305.jpg", 1, 1),
)


def find_packages(wheel: Path | None) -> dict[str, Traversable]:
    """Where each package's files are; a package that is not at hand is left out.

    wheel: foolbox's, read as the zip file it is, since installing it would bring much along.
    """
    packages: dict[str, Traversable] = {}
    for name in ("skimage", "sklearn"):
        spec = importlib.util.find_spec(name)  # the place only: importing them takes seconds
        if spec is not None and spec.submodule_search_locations:
            packages[name] = Path(spec.submodule_search_locations[0])
    if wheel is not None:
        with suppress(zipfile.BadZipFile):  # a broken download is as good as none
            packages["foolbox"] = zipfile.Path(wheel, "foolbox/")
    return packages


def crop_photographs(packages: dict[str, Traversable]) -> Iterator[Crop]:
    """Every crop of every photograph whose package is at hand."""
    for photograph in PHOTOGRAPHS:
        package = packages.get(photograph.package)
        if package is not None and (file := package.joinpath(photograph.file)).is_file():
            yield from crop(photograph, file)


def crop(photograph: Photograph, file: Traversable) -> Iterator[Crop]:
    """Scale one photograph until the grid just fits, then cut its squares out of the middle."""
    with file.open("rb") as stream, Image.open(stream) as image:
        scaled = cover(image.convert("RGB"), photograph.columns * SIDE, photograph.rows * SIDE)
    for number in photograph.squares:
        row, column = divmod(number, photograph.columns)
        box = (column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE)
        name = f"{photograph.name}-{number}"
        yield Crop(name, photograph.name, scaled.crop(box))


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """The image resized and cut, both about its middle, to width x height pixels."""
    scale = max(width / image.width, height / image.height)
    resized = image.resize((round(image.width * scale), round(image.height * scale)))
    left, top = (resized.width - width) // 2, (resized.height - height) // 2
    return resized.crop((left, top, left + width, top + height))


def write_crops(crops: Iterable[Crop], folder: Path, split: Path) -> None:
    """PNG files in `folder` and, last, `split`: as `colorizer split` would, all to test with.

    It is written here because which crops are of one photograph is known here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [write_crop(crop, folder) for crop in crops]
    split.parent.mkdir(parents=True, exist_ok=True)
    temporary = split.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([("root", "image", "file", "split", "gray", "group"), *rows])
    temporary.replace(split)


def write_crop(crop: Crop, folder: Path) -> tuple[str, ...]:
    """Save one crop and describe it as a row of split.csv; none of the table's is gray."""
    file = f"{crop.image}.png"
    crop.pixels.save(folder / file)
    return str(folder.resolve()), crop.image, file, "test", "0", crop.group
