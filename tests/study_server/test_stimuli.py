"""Stimuli: what the manifest must say, and bytes that tell nothing."""

import csv
import hashlib
import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, func, select

from study_server.database import open_engine, prepare, reading
from study_server.errors import StudyError
from study_server.models import Stimulus, Study
from study_server.stimuli import encode
from study_server.studies import import_study
from tests.conftest import short_protocol, write_stimuli


def chunks(png: bytes) -> list[bytes]:
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


def noise(seed: int, flat: bool = False) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    return Image.fromarray(pixels * np.uint8(not flat))


def test_a_stimulus_is_a_stored_png_with_an_srgb_chunk_and_nothing_else() -> None:
    image = noise(0)
    image.info["Software"] = "a model"
    assert set(chunks(encode(image))) == {b"IHDR", b"sRGB", b"IDAT", b"IEND"}


def test_its_length_depends_on_the_size_alone() -> None:
    assert len(encode(noise(0))) == len(encode(noise(1, flat=True)))


def test_pixels_survive() -> None:
    image = noise(0)
    assert Image.open(io.BytesIO(encode(image))).tobytes() == image.tobytes()


def edit(manifest: Path, row: int, **changes: str) -> None:
    with manifest.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    rows[row].update(changes)
    with manifest.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "differs from its sha256; run `colorizer batch` again"),
        ({"file": "nowhere.png"}, "nowhere.png: not readable"),
        ({"file": "../outside.png"}, "lies outside the manifest's folder"),
        ({"method": "Mine!"}, "method 'Mine!' must match"),
        ({"image": ""}, "image is empty"),
        ({"image": "x" * 200_000}, "not readable as CSV"),
        ({"method": "other"}, "photo-000 has no l2 stimulus"),
        ({"width": "wide"}, "width and height must be whole numbers"),
        ({"width": "31"}, "differ in size"),
        ({"image": "photo-001"}, "photo-001 has l2 twice"),
    ],
)
def test_a_wrong_manifest_is_refused_and_leaves_nothing(
    changes: dict[str, str], message: str, engine: Engine, tmp_path: Path
) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    edit(manifest, 1, **changes)
    with pytest.raises(StudyError, match=message):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with reading(engine) as db:
        assert db.scalar(select(func.count()).select_from(Study)) == 0
    assert not list((tmp_path / "stimuli").rglob("*.png"))


def test_unknown_columns_are_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("image,file\na,a.png\n")
    with pytest.raises(StudyError, match="the columns must be image,method,file"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_a_file_that_is_no_png_is_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    text = b"not a picture"
    (tmp_path / "outputs/text.png").write_bytes(text)
    edit(manifest, 1, file="text.png", sha256=hashlib.sha256(text).hexdigest())
    with pytest.raises(StudyError, match=r"text\.png is no readable PNG"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_too_few_photographs_for_the_protocol_are_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 6)
    with pytest.raises(StudyError, match=r"6 photographs, but a participant sees 7 .*practice 2"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_a_study_is_imported_once(engine: Engine, manifest: Path, tmp_path: Path) -> None:
    import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with pytest.raises(StudyError, match=r"'short' is already here; give study\.toml another"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with reading(engine) as db:
        assert db.scalar(select(func.count()).select_from(Stimulus)) == 12 * 4
    assert len(list((tmp_path / "stimuli").rglob("*.png"))) == 12 * 4


def test_another_database_may_share_the_folder(manifest: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        engine = open_engine(f"sqlite:///{tmp_path / name}.sqlite")
        prepare(engine)
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
        engine.dispose()
    assert len(list((tmp_path / "stimuli").rglob("*.png"))) == 2 * 12 * 4


def test_of_two_imports_at_once_one_wins_with_all_its_files(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    def bring(_: int) -> bool:
        try:
            import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
        except StudyError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(bring, range(4))) == 1
    with reading(engine) as db:
        files = list(db.scalars(select(Stimulus.file)))
    assert len(files) == 48
    stored = {f.relative_to(tmp_path / "stimuli") for f in (tmp_path / "stimuli").rglob("*.png")}
    assert stored == {Path(file) for file in files}


def test_stored_names_tell_neither_image_nor_method(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with reading(engine) as db:
        names = [Path(file).stem for file in db.scalars(select(Stimulus.file))]
    assert len(set(names)) == len(names)
    assert not any(word in name for name in names for word in ("real", "foil", "mcl", "photo"))
    sizes = {file.stat().st_size for file in (tmp_path / "stimuli").rglob("*.png")}
    assert len(sizes) == 1


def test_photographs_of_the_train_split_are_warned_of(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    edit(manifest, 0, split="train")
    stored = import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    assert stored.stimuli == 48
    assert stored.warnings == ["1 photographs are of the train split: the models have seen them"]
