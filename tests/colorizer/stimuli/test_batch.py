import csv
import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from colorizer.cli import main
from colorizer.color.bins import bin_centers
from colorizer.color.spaces import (
    from_bytes,
    lab_to_rgb,
    map_to_gamut,
    rgb_to_lab,
    to_bytes_keeping_lightness,
)
from colorizer.networks.models import Colorizer, build_colorizer, upsample_ab
from colorizer.photos.reading import Refusal, center_square, read_color_square, read_photograph
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.batch import write_stimuli
from colorizer.stimuli.lightness_noise import add_lightness_noise
from colorizer.stimuli.manifest import ManifestRow, Shard, write_manifest
from colorizer.stimuli.methods import GAMUT_MARGIN, to_lab
from colorizer.stimuli.rendering import StimulusSettings
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import truncate, write_pictures

pytestmark = pytest.mark.usefixtures("_little_networks_in_module")

SIZE = 64
METHODS = ("real", "foil", "l2", "mcl", "mcl-annealed")
FORMATS = Path(__file__).parents[3] / "docs" / "formats.md"


@cache
def untrained_network(objective: str) -> Colorizer:
    """Build an untrained model whose colors are far outside the gamut."""
    torch.manual_seed(0)
    model = build_colorizer("resnet50v2", objective, bin_centers()).eval()
    torch.nn.init.normal_(model.get_parameter("head.project.weight"), std=1.0)
    return model


def untrained_networks() -> dict[str, Colorizer]:
    return {objective: untrained_network(objective) for objective in ("l2", "mcl")}


@pytest.fixture(scope="module")
def settings(_little_networks_in_module: None) -> StimulusSettings:
    digests = {objective: f"{objective:0<16}" for objective in ("l2", "mcl")}
    return StimulusSettings(METHODS, digests, SIZE, seed=0)


def rows(folder: Path, count: int) -> list[Photograph]:
    names = [f"{number:02}" for number in range(count)]
    return [Photograph(str(folder), name, f"{name}.jpg", "test", False, name) for name in names]


def make(photographs: list[Photograph], settings: StimulusSettings, out: Path) -> list[ManifestRow]:
    results = list(write_stimuli(photographs, settings, untrained_networks(), out, CPU))
    return [row for result in results if isinstance(result, list) for row in result]


@pytest.fixture(scope="module")
def written_stimuli(
    photographs: list[Photograph],
    settings: StimulusSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[ManifestRow]]:
    out = tmp_path_factory.mktemp("outputs")
    return out, make(photographs[:4], settings, out)


def lightness(path: Path) -> torch.Tensor:
    pixels = torch.tensor(np.asarray(Image.open(path)))[None]
    return rgb_to_lab(from_bytes(pixels))[0, 0]


def test_the_stimuli_of_all_methods_have_the_lightness_of_the_photograph(
    written_stimuli: tuple[Path, list[ManifestRow]], photographs: list[Photograph]
) -> None:
    out, manifest_rows = written_stimuli
    moved = []
    for row in manifest_rows:
        photograph = next(p for p in photographs if p.image == row.image)
        square = center_square(read_photograph(photograph.path), SIZE)
        original = rgb_to_lab(from_bytes(torch.tensor(square)[None]))[0, 0]
        moved.append((lightness(out / row.file) - original).abs())
    assert torch.stack(moved).max() < 1
    assert len(moved) == 4 * len(METHODS)


def test_the_real_image_is_the_photograph_to_within_a_few_levels(
    written_stimuli: tuple[Path, list[ManifestRow]], photographs: list[Photograph]
) -> None:
    out, _ = written_stimuli
    for photograph in photographs[:4]:
        written = pixels_of(out / "real" / f"{photograph.image}.png")
        difference = written - center_square(read_photograph(photograph.path), SIZE)
        assert np.abs(difference).max() <= 5  # noise in L, and blue that keeps it
        assert np.abs(difference).mean() < 1


def test_methods_differ_in_their_colors(written_stimuli: tuple[Path, list[ManifestRow]]) -> None:
    _, manifest_rows = written_stimuli
    assert len({row.sha256 for row in manifest_rows}) == len(manifest_rows)


def test_a_stimulus_is_an_8_bit_png_without_metadata(
    written_stimuli: tuple[Path, list[ManifestRow]],
) -> None:
    out, manifest_rows = written_stimuli
    for row in manifest_rows:
        with Image.open(out / row.file) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (SIZE, SIZE))
            assert not image.info
        chunks = re.findall(rb"IHDR|IDAT|IEND|tEXt|tIME|iCCP|pHYs", (out / row.file).read_bytes())
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_the_manifest_has_the_documented_columns(
    written_stimuli: tuple[Path, list[ManifestRow]], tmp_path: Path
) -> None:
    out, manifest_rows = written_stimuli
    write_manifest(tmp_path, manifest_rows, Shard())
    section = FORMATS.read_text().split("## manifest.csv")[1].split("##")[0]
    documented = re.findall(r"^\| ([a-z0-9, ]+) \|", section, re.MULTILINE)[1:]
    with (tmp_path / "manifest.csv").open() as file:
        reader = csv.DictReader(file)
        manifest = list(reader)
    assert reader.fieldnames == ", ".join(documented).split(", ")
    assert [row["split"] for row in manifest] == [row.split for row in manifest_rows]
    for row in manifest:
        assert row["sha256"] == hashlib.sha256((out / row["file"]).read_bytes()).hexdigest()
        assert (row["width"], row["height"]) == ("64", "64")
        modelled = row["method"] not in ("real", "foil")
        assert row["checkpoint"] == (f"{row['method'].split('-')[0]:0<16}" if modelled else "")


def test_a_second_batch_keeps_finished_stimuli(settings: StimulusSettings, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 3)
    photographs, out = rows(tmp_path / "photos", 3), tmp_path / "out"
    first = make(photographs[:2], settings, out)
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    everything = make(photographs, settings, out)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert everything[: len(first)] == first


def test_the_stimuli_of_a_new_model_or_photograph_are_made_again(
    settings: StimulusSettings, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "photos", 3)
    photographs, out = rows(tmp_path / "photos", 3), tmp_path / "out"
    make(photographs, settings, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    other_l2 = replace(settings, checkpoints={**settings.checkpoints, "l2": "another model"})
    make(photographs, other_l2, out)
    renewed = {path for path in before if path.stat().st_mtime_ns != before[path]}
    assert renewed == set((out / "l2").iterdir())

    os.utime(tmp_path / "photos" / "01.jpg")
    make(photographs, other_l2, out)
    again = {path for path in before if path.stat().st_mtime_ns != before[path]} - renewed
    assert {path.stem for path in again} == {"01"}
    assert {path.parent.name for path in again} == set(METHODS) - {"l2"}


def test_photographs_of_another_folder_replace_stimuli_of_the_same_name(
    settings: StimulusSettings, tmp_path: Path
) -> None:
    reals = replace(settings, methods=("real",))
    contents = []
    for number, folder in enumerate(("one", "two")):
        write_pictures(tmp_path / folder, 2)
        (tmp_path / folder / f"{number:02}.jpg").replace(tmp_path / folder / "00.jpg")
        make(rows(tmp_path / folder, 1), reals, tmp_path / "outputs")
        contents.append((tmp_path / "outputs" / "real" / "00.png").read_bytes())
    assert contents[0] != contents[1]


def test_a_photograph_replaced_by_an_older_one_is_made_again(
    settings: StimulusSettings, tmp_path: Path
) -> None:
    reals, contents = replace(settings, methods=("real",)), []
    folder = tmp_path / "photographs"
    write_pictures(folder, 2)
    for number in range(2):
        (folder / f"{number:02}.jpg").replace(folder / "00.jpg")
        os.utime(folder / "00.jpg", (1e9 - number, 1e9 - number))
        make(rows(folder, 1), reals, tmp_path / "outputs")
        contents.append((tmp_path / "outputs" / "real" / "00.png").read_bytes())
    assert contents[0] != contents[1]


def test_an_unreadable_photograph_is_refused_and_is_no_donor(
    settings: StimulusSettings, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "photos", 4)
    truncate(tmp_path / "photos" / "02.jpg")
    results = list(
        write_stimuli(
            rows(tmp_path / "photos", 4), settings, untrained_networks(), tmp_path / "out", CPU
        )
    )
    refused = [result for result in results if isinstance(result, Refusal)]
    assert [refusal.file for refusal in refused] == ["02.jpg"]
    assert "truncated" in refused[0].reason
    assert len(list((tmp_path / "out" / "foil").glob("*.png"))) == 3


def test_a_single_photograph_cannot_have_a_foil(settings: StimulusSettings, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 1)
    (result,) = write_stimuli(
        rows(tmp_path / "photos", 1), settings, untrained_networks(), tmp_path / "out", CPU
    )
    assert isinstance(result, Refusal)
    assert "no other photograph" in result.reason


def test_an_interrupted_batch_leaves_only_complete_files(
    settings: StimulusSettings, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "photos", 6)
    stopped = write_stimuli(
        rows(tmp_path / "photos", 6), settings, untrained_networks(), tmp_path / "out", CPU
    )
    next(stopped)
    stopped.close()
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(left) > len(METHODS)
    for path in left:
        assert not path.name.startswith(".")
        if path.suffix == ".png":
            read_photograph(path)


def test_gray_photographs_are_no_donors(settings: StimulusSettings, tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    Image.open(tmp_path / "01.jpg").convert("L").save(tmp_path / "01.jpg")
    foils = replace(settings, methods=("foil",))
    results = list(
        write_stimuli(rows(tmp_path, 3), foils, untrained_networks(), tmp_path / "out", CPU)
    )
    assert results[1] == Refusal("01.jpg", "gray photograph; there are no colors to remove")
    for name in ("00", "02"):
        foil = torch.tensor(pixels_of(tmp_path / "out" / "foil" / f"{name}.png"))[None]
        assert rgb_to_lab(from_bytes(foil))[:, 1:].abs().max() > 20


@pytest.mark.slow(1)
def test_shards_together_make_the_same_stimuli_as_one_process(
    settings: StimulusSettings, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "photos", 7)
    photographs = rows(tmp_path / "photos", 7)
    alone = make(photographs, settings, tmp_path / "alone")
    shared = []
    for number in (1, 2, 3):
        results = write_stimuli(
            photographs,
            settings,
            untrained_networks(),
            tmp_path / "shared",
            CPU,
            shard=Shard(number, 3),
        )
        shared += [row for result in results if isinstance(result, list) for row in result]
    assert sorted((s.image, s.method) for s in shared) == sorted((s.image, s.method) for s in alone)
    for row in alone:  # colors can differ in the last bit, because the batches differ
        one, other = (pixels_of(tmp_path / place / row.file) for place in ("alone", "shared"))
        assert np.abs(one - other).max() <= 1


@pytest.mark.slow(1)
def test_batched_and_single_predictions_agree(settings: StimulusSettings, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 10)
    for row in make(rows(tmp_path / "photos", 10), settings, tmp_path / "out")[:: len(METHODS)]:
        lab = to_lab([read_color_square(tmp_path / "photos" / f"{row.image}.jpg", SIZE)])
        network = untrained_network("mcl")
        with torch.inference_mode():
            ab = upsample_ab(network.decode(network(lab[:, :1]), 0.38), SIZE, SIZE)
        noisy = add_lightness_noise(lab[0, 0], row.image, "mcl-annealed")[None, None]
        expected = lab_to_rgb(map_to_gamut(torch.cat([noisy, ab], dim=1), GAMUT_MARGIN))
        stimulus = pixels_of(tmp_path / "out" / "mcl-annealed" / f"{row.image}.png")
        assert np.abs(stimulus - to_bytes_keeping_lightness(expected, noisy)[0].numpy()).max() <= 1


@pytest.mark.slow(2)
def test_two_workers_make_the_same_stimuli_as_one(
    settings: StimulusSettings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write_pictures(tmp_path / "photos", 7)
    photographs, threads = rows(tmp_path / "photos", 7), torch.get_num_threads()
    alone = make(photographs, settings, tmp_path / "alone")
    request.addfinalizer(lambda: torch.set_num_threads(threads))
    torch.set_num_threads(2)
    together = make(photographs, settings, tmp_path / "together")
    assert together == alone
    assert torch.get_num_threads() == 2


def pixels_of(path: Path) -> NDArray[np.int64]:
    return np.asarray(Image.open(path)).astype(np.int64)


ARGUMENTS = ["batch", "--photos", "photos", "--methods", "real,foil", "--size", "64", "--quiet"]


@pytest.mark.slow(3)
def test_a_killed_batch_is_resumed_and_makes_no_stimulus_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path / "photos", 150, side=64)
    out = tmp_path / "outputs"
    script = f"from colorizer.cli import main; main({ARGUMENTS})"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
    while len(list(out.glob("foil/[0-9]*.png"))) < 20:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in out.glob("*/[0-9]*.png")}
    assert len(finished) < 300
    assert not (out / "manifest.csv").exists()
    for path in finished:
        read_photograph(path)

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_info:
        main(ARGUMENTS)
    assert exit_info.value.code == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    with (out / "manifest.csv").open() as file:
        manifest = list(csv.DictReader(file))
    assert len(manifest) == 300
    for row in manifest:
        assert row["sha256"] == hashlib.sha256((out / row["file"]).read_bytes()).hexdigest()
