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

SQUARE_PX = 256  # pixels, the size people see
FOOLBOX_REQUIREMENT = "foolbox==3.3.4"  # its wheel has twenty ImageNet photographs inside


@dataclass(frozen=True)
class PackagePhoto:
    """A picture in a package, cut into a grid of squares."""

    name: str
    package: str  # "skimage", "sklearn" or "foolbox"
    file: str  # inside the package
    columns: int
    rows: int
    skipped_squares: tuple[int, ...] = ()  # squares with nothing to see, row by row

    @property
    def squares(self) -> list[int]:
        """The squares that are used, numbered row by row."""
        return [n for n in range(self.columns * self.rows) if n not in self.skipped_squares]


@dataclass(frozen=True)
class Crop:
    """A square of a photograph; `image` is its id, `group` the photograph's name."""

    image: str
    group: str
    pixels: Image.Image  # RGB, SQUARE_PX x SQUARE_PX


# A participant needs 26 (4 + 20 + 2). None is among the photographs that the shipped models learned
# from. foolbox's files are named after the ImageNet class (00_243: a dog).
PHOTOGRAPHS = (
    PackagePhoto("astronaut", "skimage", "data/astronaut.png", 2, 2),
    PackagePhoto("coffee", "skimage", "data/coffee.png", 2, 1),
    PackagePhoto("rocket", "skimage", "data/rocket.jpg", 2, 1),
    PackagePhoto("chelsea", "skimage", "data/chelsea.png", 1, 1),
    PackagePhoto("motorcycle", "skimage", "data/motorcycle_left.png", 3, 2),
    PackagePhoto("flower", "sklearn", "datasets/images/flower.jpg", 2, 1),
    PackagePhoto("china", "sklearn", "datasets/images/china.jpg", 3, 2, (2,)),
    PackagePhoto("dog", "foolbox", "data/imagenet_00_243.jpg", 1, 1),
    PackagePhoto("chairs", "foolbox", "data/imagenet_01_559.jpg", 2, 2),
    PackagePhoto("bottle", "foolbox", "data/imagenet_02_438.jpg", 2, 2),
    PackagePhoto("chestnuts", "foolbox", "data/imagenet_03_990.jpg", 2, 2),
    PackagePhoto("strawberries", "foolbox", "data/imagenet_04_949.jpg", 2, 2, (3,)),
    PackagePhoto("cottage", "foolbox", "data/imagenet_05_853.jpg", 2, 2, (2, 3)),
    PackagePhoto("car", "foolbox", "data/imagenet_07_609.jpg", 2, 2),
    PackagePhoto("yurts", "foolbox", "data/imagenet_08_915.jpg", 2, 2, (0, 1)),
    PackagePhoto("cap", "foolbox", "data/imagenet_09_455.jpg", 1, 1),
    PackagePhoto("drum", "foolbox", "data/imagenet_10_541.jpg", 2, 2, (2, 3)),
    PackagePhoto("window", "foolbox", "data/imagenet_12_741.jpg", 2, 2, (1, 3)),
    PackagePhoto("cannon", "foolbox", "data/imagenet_13_471.jpg", 2, 2, (0, 2)),
    PackagePhoto("spoonbills", "foolbox", "data/imagenet_14_129.jpg", 1, 1),
    PackagePhoto("geese", "foolbox", "data/imagenet_15_99.jpg", 2, 2),
    PackagePhoto("dalmatian", "foolbox", "data/imagenet_16_251.jpg", 1, 1),
    PackagePhoto("eagle", "foolbox", "data/imagenet_17_22.jpg", 1, 1),
    PackagePhoto("leafhopper", "foolbox", "data/imagenet_18_317.jpg", 1, 1),
    PackagePhoto("beetle", "foolbox", "data/imagenet_19_305.jpg", 1, 1),
)


def find_package_folders(wheel: Path | None) -> dict[str, Traversable]:
    """Return the folder of each package's files, without packages that are not installed.

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
            yield from crop_photograph(photograph, file)


def crop_photograph(photograph: PackagePhoto, file: Traversable) -> Iterator[Crop]:
    """Scale one photograph until the grid just fits, then cut its squares out of the middle."""
    with file.open("rb") as stream, Image.open(stream) as image:
        scaled = resize_and_crop(
            image.convert("RGB"), photograph.columns * SQUARE_PX, photograph.rows * SQUARE_PX
        )
    for number in photograph.squares:
        row, column = divmod(number, photograph.columns)
        box = (column * SQUARE_PX, row * SQUARE_PX, (column + 1) * SQUARE_PX, (row + 1) * SQUARE_PX)
        name = f"{photograph.name}-{number}"
        yield Crop(name, photograph.name, scaled.crop(box))


def resize_and_crop(image: Image.Image, width: int, height: int) -> Image.Image:
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
