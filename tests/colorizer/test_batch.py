import csv
import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer.batch import METHODS, Model, Recipe, Refusal, write_stimuli
from colorizer.bins import bin_centers
from colorizer.color import from_bytes, rgb_to_lab
from colorizer.manifest import Shard, Stimulus, finish_manifest
from colorizer.models import build_colorizer
from colorizer.photos import center_square, read_photograph
from colorizer.splits import Photograph
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import truncate, write_pictures

SIZE = 64
FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"


def wild_model(objective: str) -> Model:
    """Untrained, but with colors far outside the gamut, which `batch` has to bring in."""
    torch.manual_seed(0)
    model = build_colorizer("resnet50v2", objective, bin_centers()).eval()
    torch.nn.init.normal_(model.head.project.weight, std=1.0)
    return Model(model, f"{objective:0<16}")


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    models = {objective: wild_model(objective) for objective in ("l2", "mcl")}
    return Recipe(METHODS, models, SIZE, seed=0)


def rows(folder: Path, count: int) -> list[Photograph]:
    names = [f"{number:02}" for number in range(count)]
    return [Photograph(str(folder), name, f"{name}.jpg", "test", False, name) for name in names]


def make(photographs: list[Photograph], recipe: Recipe, out: Path) -> list[Stimulus]:
    results = list(write_stimuli(photographs, recipe, out, CPU))
    return [row for result in results if isinstance(result, list) for row in result]


@pytest.fixture(scope="module")
def stimuli(
    photographs: list[Photograph], recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Stimulus]]:
    out = tmp_path_factory.mktemp("outputs")
    return out, make(photographs[:4], recipe, out)


def lightness(path: Path) -> torch.Tensor:
    pixels = torch.tensor(np.asarray(Image.open(path)))[None]
    return rgb_to_lab(from_bytes(pixels))[0, 0]


def test_every_method_of_a_photograph_has_its_lightness(
    stimuli: tuple[Path, list[Stimulus]], photographs: list[Photograph]
) -> None:
    out, made = stimuli
    moved = []
    for row in made:
        photograph = next(p for p in photographs if p.image == row.image)
        square = center_square(read_photograph(photograph.path), SIZE)
        original = rgb_to_lab(from_bytes(torch.tensor(square)[None]))[0, 0]
        moved.append((lightness(out / row.file) - original).abs())
    assert torch.stack(moved).max() < 1
    assert len(moved) == 4 * len(METHODS)


def test_the_real_image_is_the_photograph_byte_for_byte(
    stimuli: tuple[Path, list[Stimulus]], photographs: list[Photograph]
) -> None:
    out, _ = stimuli
    for photograph in photographs[:4]:
        written = np.asarray(Image.open(out / "real" / f"{photograph.image}.png"))
        assert np.array_equal(written, center_square(read_photograph(photograph.path), SIZE))


def test_methods_differ_in_their_colors(stimuli: tuple[Path, list[Stimulus]]) -> None:
    _, made = stimuli
    assert len({row.sha256 for row in made}) == len(made)


def test_a_stimulus_is_an_8_bit_png_without_a_word_about_itself(
    stimuli: tuple[Path, list[Stimulus]],
) -> None:
    out, made = stimuli
    for row in made:
        with Image.open(out / row.file) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (SIZE, SIZE))
            assert not image.info
        chunks = re.findall(rb"IHDR|IDAT|IEND|tEXt|tIME|iCCP|pHYs", (out / row.file).read_bytes())
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_the_manifest_has_the_columns_of_the_contract(
    stimuli: tuple[Path, list[Stimulus]], tmp_path: Path
) -> None:
    out, made = stimuli
    finish_manifest(tmp_path, made, Shard())
    section = FORMATS.read_text().split("## manifest.csv")[1].split("##")[0]
    documented = re.findall(r"^\| ([a-z0-9, ]+) \|", section, re.MULTILINE)[1:]
    with (tmp_path / "manifest.csv").open() as file:
        reader = csv.DictReader(file)
        manifest = list(reader)
    assert reader.fieldnames == ", ".join(documented).split(", ")
    assert [row["split"] for row in manifest] == [row.split for row in made]
    for row in manifest:
        assert row["sha256"] == hashlib.sha256((out / row["file"]).read_bytes()).hexdigest()
        assert (row["width"], row["height"]) == ("64", "64")
        modelled = row["method"] not in ("real", "foil")
        assert row["checkpoint"] == (f"{row['method'].split('-')[0]:0<16}" if modelled else "")


def test_a_second_batch_makes_nothing_again(recipe: Recipe, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 3)
    photographs, out = rows(tmp_path / "photos", 3), tmp_path / "out"
    first = make(photographs[:2], recipe, out)
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    everything = make(photographs, recipe, out)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert everything[: len(first)] == first


def test_a_new_model_or_photograph_makes_its_stimuli_anew(recipe: Recipe, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 3)
    photographs, out = rows(tmp_path / "photos", 3), tmp_path / "out"
    make(photographs, recipe, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    l2 = recipe.models["l2"]._replace(checkpoint="another model")
    make(photographs, replace(recipe, models={**recipe.models, "l2": l2}), out)
    renewed = {path for path in before if path.stat().st_mtime_ns != before[path]}
    assert renewed == set((out / "l2").iterdir())

    os.utime(tmp_path / "photos" / "01.jpg")
    make(photographs, replace(recipe, models={**recipe.models, "l2": l2}), out)
    again = {path for path in before if path.stat().st_mtime_ns != before[path]} - renewed
    assert {path.stem for path in again} == {"01"}
    assert {path.parent.name for path in again} == set(METHODS) - {"l2"}


def test_an_unreadable_photograph_is_refused_and_lends_no_colors(
    recipe: Recipe, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "photos", 4)
    truncate(tmp_path / "photos" / "02.jpg")
    results = list(write_stimuli(rows(tmp_path / "photos", 4), recipe, tmp_path / "out", CPU))
    refused = [result for result in results if isinstance(result, Refusal)]
    assert [refusal.file for refusal in refused] == ["02.jpg"]
    assert "truncated" in refused[0].reason
    assert len(list((tmp_path / "out" / "foil").glob("*.png"))) == 3


def test_a_lone_photograph_can_have_no_foil(recipe: Recipe, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 1)
    (result,) = write_stimuli(rows(tmp_path / "photos", 1), recipe, tmp_path / "out", CPU)
    assert isinstance(result, Refusal)
    assert "no other photograph" in result.reason


def test_a_batch_that_is_stopped_leaves_only_whole_files(recipe: Recipe, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 6)
    stopped = write_stimuli(rows(tmp_path / "photos", 6), recipe, tmp_path / "out", CPU)
    next(iter(stopped))
    stopped.close()  # type: ignore[attr-defined]  # an Iterator by type, a generator by making
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(left) > len(METHODS)
    for path in left:
        assert not path.name.startswith(".")
        if path.suffix == ".png":
            read_photograph(path)
