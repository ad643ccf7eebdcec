"""Small color photographs, cut from those that scikit-image ships, and fakes of them."""

from pathlib import Path

import skimage
from PIL import Image, ImageEnhance

SQUARE, PHOTOGRAPHS = 128, 20
SOURCES = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")


def write_photographs(folder: Path) -> None:
    """Cut squares from the color photographs that scikit-image ships."""
    folder.mkdir()
    squares = []
    for source in SOURCES:
        image = Image.open(Path(skimage.__file__).parent / "data" / source).convert("RGB")
        for top in range(0, image.height - SQUARE + 1, SQUARE):
            for left in range(0, image.width - SQUARE + 1, SQUARE):
                square = image.crop((left, top, left + SQUARE, top + SQUARE))
                squares.append((f"{Path(source).stem}-{top}-{left}", square))
    colorful = [(name, square) for name, square in squares if is_colorful(square)]
    for name, square in colorful[:: len(colorful) // PHOTOGRAPHS][:PHOTOGRAPHS]:
        square.save(folder / f"{name}.png")
    assert len(list(folder.iterdir())) == PHOTOGRAPHS


def is_colorful(square: Image.Image) -> bool:
    """Return whether at least half of the pixels are clearly not gray."""
    saturation = square.convert("HSV").getchannel("S").histogram()
    return sum(saturation[60:]) > SQUARE**2 / 2


def write_fakes(photographs: Path, folder: Path) -> None:
    """Write a paler copy of each photograph, with the same name."""
    folder.mkdir()
    for file in photographs.iterdir():
        with Image.open(file) as photograph:
            ImageEnhance.Color(photograph).enhance(0.5).save(folder / file.name)
