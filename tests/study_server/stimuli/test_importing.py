"""A manifest and a protocol become a study, or nothing at all."""

import errno
import hashlib
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image
from sqlalchemy import Engine, func, select

from study_server.errors import StudyError
from study_server.protocol.model import Protocol
from study_server.stimuli import files as stimuli
from study_server.stimuli import importing
from study_server.stimuli.audit import AuditFinding
from study_server.stimuli.folders import write_manifest
from study_server.stimuli.importing import AuditFailedError, import_study
from study_server.stimuli.manifest import read_manifest
from study_server.stimuli.perception import compute_lightness
from study_server.storage.engine import open_engine, read_session
from study_server.storage.models import AcceptedWarning, Stimulus, Study
from study_server.storage.schema import ensure_current_schema
from tests.conftest import short_protocol, write_stimuli
from tests.reference.image_files import P3, build_profile
from tests.study_server.planting import edit, plant, read_pixels


def assert_nothing_is_left(engine: Engine, folder: Path) -> None:
    with read_session(engine) as db:
        for table in (Study, Stimulus, AcceptedWarning):
            assert db.scalar(select(func.count()).select_from(table)) == 0
    assert list(folder.glob("*")) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "does not match its sha256; run `colorizer batch` or"),
        ({"file": "nowhere.png"}, "nowhere.png: cannot be read"),
        ({"file": "../outside.png"}, "is outside the folder of the manifest"),
        ({"method": "Mine!"}, "method 'Mine!' must match"),
        ({"image": ""}, "image is empty"),
        ({"image": "x" * 200_000}, "not valid CSV"),
        ({"method": "other"}, "photo-000 has no l2 stimulus"),
        ({"width": "wide"}, "width and height must be whole numbers"),
        ({"width": "31"}, "the stimuli of photo-000 differ in size"),
        ({"image": "photo-001"}, "photo-001 has two l2 stimuli"),
    ],
)
def test_a_wrong_manifest_is_refused_and_leaves_nothing(
    changes: dict[str, str], message: str, engine: Engine, tmp_path: Path
) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    edit(manifest, 1, **changes)
    with pytest.raises(StudyError, match=message):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    assert_nothing_is_left(engine, tmp_path / "stimuli")


def test_unknown_columns_are_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("image,file\na,a.png\n")
    with pytest.raises(StudyError, match="the columns must be image,method,file"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_a_manifest_may_have_columns_with_tags_of_images(tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    header, *lines = manifest.read_text(encoding="utf-8").splitlines()
    tagged = [f"{header},tag_scene", *(f"{line},indoor" for line in lines)]
    manifest.write_text("\n".join(tagged), encoding="utf-8")
    assert len(read_manifest(manifest)) == len(lines)


def test_a_file_that_is_no_png_is_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    text = b"not a picture"
    (tmp_path / "outputs/text.png").write_bytes(text)
    edit(manifest, 1, file="text.png", sha256=hashlib.sha256(text).hexdigest())
    with pytest.raises(StudyError, match=r"text\.png is not a readable PNG"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_too_few_photographs_for_the_protocol_are_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 6)
    with pytest.raises(
        StudyError, match=r"6 photographs, but each participant needs 7 .*practice 2"
    ):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_a_study_is_imported_once(engine: Engine, manifest: Path, tmp_path: Path) -> None:
    import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with pytest.raises(StudyError, match=r"'short' already exists; change the slug"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with read_session(engine) as db:
        assert db.scalar(select(func.count()).select_from(Stimulus)) == 12 * 4
    assert len(list((tmp_path / "stimuli").rglob("*.png"))) == 12 * 4


@pytest.mark.slow(0.4)
def test_another_database_may_share_the_folder(manifest: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        engine = open_engine(f"sqlite:///{tmp_path / name}.sqlite")
        ensure_current_schema(engine)
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
    with read_session(engine) as db:
        files = list(db.scalars(select(Stimulus.file)))
    assert len(files) == 48
    stored = {f.relative_to(tmp_path / "stimuli") for f in (tmp_path / "stimuli").rglob("*.png")}
    assert stored == {Path(file) for file in files}


def test_stored_names_tell_neither_image_nor_method(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    with read_session(engine) as db:
        names = [Path(file).stem for file in db.scalars(select(Stimulus.file))]
    assert len(set(names)) == len(names)
    assert not any(word in name for name in names for word in ("real", "foil", "mcl", "photo"))
    sizes = {file.stat().st_size for file in (tmp_path / "stimuli").rglob("*.png")}
    assert len(sizes) == 1


@pytest.fixture
def confounded(tmp_path: Path) -> Path:
    """A manifest with one confound of every kind that can be accepted."""
    manifest = write_stimuli(tmp_path / "outputs", 12)
    dark = (read_pixels(manifest, "photo-001", "mcl") * 0.8).astype(np.uint8)
    plant(manifest, "photo-001", "mcl", dark)
    faint = read_pixels(manifest, "photo-002", "real")
    faint[:, :, 2] += 1
    plant(manifest, "photo-002", "l2", faint)
    plant(manifest, "photo-003", "mcl", read_pixels(manifest, "photo-003", "l2"))
    luma = compute_lightness(read_pixels(manifest, "photo-004", "real"))
    plant(manifest, "photo-004", "real", gray_of(luma))
    for method in ("real", "l2", "mcl", "foil"):
        copy = read_pixels(manifest, "photo-005", method)
        copy[0, 0, 2] -= 1  # else they were the same stimuli
        plant(manifest, "photo-006", method, copy)
    plant(manifest, "photo-008", "real", read_pixels(manifest, "photo-007", "real"))
    edit(manifest, 9 * 4, split="train")
    return manifest


def gray_of(lightness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The neutral sRGB (H, W, 3) of L (H, W)"""
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)  # (256, 1, 3)
    nearest: NDArray[np.uint8] = grays[
        np.searchsorted(compute_lightness(grays)[:, 0], lightness), 0
    ]
    return nearest


ACCEPTABLE = ["duplicate", "equal fakes", "gray", "lightness", "near-duplicate", "trained"]


def test_every_confound_is_found_and_nothing_stays(
    engine: Engine, confounded: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        AuditFailedError, match=r"found 0 errors and \d+ warnings; .* use --accept"
    ) as found:
        import_study(engine, short_protocol(), confounded, tmp_path / "stimuli")
    kinds = {finding.confound for finding in found.value.findings}
    assert kinds == {*ACCEPTABLE, "unchanged"}
    assert_nothing_is_left(engine, tmp_path / "stimuli")


def test_accepted_warnings_are_stored_with_the_study(
    engine: Engine, confounded: Path, tmp_path: Path
) -> None:
    stored = import_study(
        engine, short_protocol(), confounded, tmp_path / "stimuli", accept_warnings=True
    )
    with read_session(engine) as db:
        query = select(AcceptedWarning.message).order_by(AcceptedWarning.number)
        kept = list(db.scalars(query))
    assert kept == [
        f"{finding.confound}: {finding.message}" for finding in stored.accepted_findings
    ]
    assert "equal fakes: l2 of photo-003 and mcl of photo-003 are the same image" in kept
    assert len(list((tmp_path / "stimuli").rglob("*.png"))) == stored.stimulus_count == 48


def test_stimuli_that_are_not_recolored_may_change_lightness(
    engine: Engine, confounded: Path, tmp_path: Path
) -> None:
    protocol = short_protocol(stimuli="any")
    with pytest.raises(AuditFailedError) as found:
        import_study(engine, protocol, confounded, tmp_path / "stimuli")
    assert {finding.confound for finding in found.value.findings} == {*ACCEPTABLE} - {"lightness"}


@pytest.mark.parametrize("method", ["l2", "foil"])
def test_a_fake_that_is_its_photograph_cannot_be_accepted(
    method: str, engine: Engine, tmp_path: Path
) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    plant(manifest, "photo-001", method, read_pixels(manifest, "photo-001", "real"))
    with pytest.raises(AuditFailedError, match="found 1 error and 0 warnings; make these") as found:
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli", accept_warnings=True)
    assert found.value.findings == [
        AuditFinding(
            "identical",
            f"{method} of photo-001 is identical to the photograph photo-001",
            is_refused=True,
        )
    ]
    assert_nothing_is_left(engine, tmp_path / "stimuli")


def test_a_good_import_accepts_nothing(engine: Engine, manifest: Path, tmp_path: Path) -> None:
    stored = import_study(
        engine, short_protocol(), manifest, tmp_path / "stimuli", accept_warnings=True
    )
    assert stored.accepted_findings == []
    with read_session(engine) as db:
        assert db.scalar(select(func.count()).select_from(AcceptedWarning)) == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from study_server.stimuli import importing
from study_server.storage.engine import open_engine
from tests.conftest import short_protocol

url, manifest, folder, moment = sys.argv[1:]
place = {"store_stimulus": importing, "rename": Path}[moment]
done = getattr(place, moment)
calls = []

def die(*arguments):
    calls.append(1)
    if moment == "rename" or len(calls) == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return done(*arguments)

setattr(place, moment, die)
importing.import_study(open_engine(url), short_protocol(), Path(manifest), Path(folder))
"""


@pytest.mark.slow(2)
@pytest.mark.parametrize("moment", ["store_stimulus", "rename"])
def test_an_import_that_was_killed_leaves_nothing_after_the_next(
    moment: str, engine: Engine, database_url: str, manifest: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "stimuli"
    command = [sys.executable, "-c", KILLED, database_url, str(manifest), str(folder), moment]
    house = Path(__file__).parents[3]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=house)
    assert run.returncode == -signal.SIGKILL, run.stderr
    (orphan,) = folder.iterdir()
    assert orphan.name.startswith(stimuli.IMPORT_FOLDER_PREFIX)
    assert list(orphan.glob("*.png"))
    with read_session(engine) as db:
        assert db.scalar(select(func.count()).select_from(Study)) == 0
    monkeypatch.setattr(stimuli, "STALE_AFTER_S", 0)
    import_study(engine, short_protocol(), manifest, folder)
    assert not orphan.exists()
    assert len(list(folder.rglob("*.png"))) == 48


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(
    engine: Engine, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def fail(path: Path, content: bytes) -> int:
        if len(list(path.parent.iterdir())) >= 20:  # several threads write
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    expected = r"No space left on device; nothing was imported; free some space \(3 bytes per pixel"
    with pytest.raises(StudyError, match=expected):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    assert_nothing_is_left(engine, tmp_path / "stimuli")


def test_a_database_that_fails_at_the_end_leaves_no_folder(
    engine: Engine, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StudyError("the database is full")

    monkeypatch.setattr(importing, "_build_stimulus", fail)
    with pytest.raises(StudyError, match="the database is full"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    assert_nothing_is_left(engine, tmp_path / "stimuli")


def unpaired(**changes: object) -> Protocol:
    """2 practice, 4 test and 1 attention checks of images that share nothing."""
    changes = {"paired": False, "stimuli": "any", "methods": ("gan",)} | changes
    return short_protocol("unpaired", **changes)


def write_folders(folder: Path, **images: int) -> Path:
    """A manifest of so many images by each method, of one size unless a folder is called big."""
    rng = np.random.default_rng(0)
    for method, count in images.items():
        (folder / method).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / method / f"{number}.png")
    write_manifest(folder / "manifest.csv", {m: folder / m for m in images}, paired=False)
    return folder / "manifest.csv"


def test_jpeg_files_are_imported_upright_and_in_srgb_and_the_conversions_counted(
    engine: Engine, tmp_path: Path
) -> None:
    manifest = write_folders(tmp_path, real=7, gan=6, foil=1)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    profile = build_profile(P3, gamma=None)
    turned = tmp_path / "real" / "0.jpg"
    (tmp_path / "real" / "0.png").unlink()
    Image.new("RGB", (8, 8), (160, 120, 90)).save(
        turned, exif=exif, icc_profile=profile, quality=95
    )
    folders = {method: tmp_path / method for method in ("real", "gan", "foil")}
    write_manifest(manifest, folders, paired=False)
    with pytest.raises(AuditFailedError) as failed:
        import_study(engine, unpaired(), manifest, tmp_path / "stimuli")
    assert [finding.confound for finding in failed.value.findings] == ["format"]
    stored = import_study(engine, unpaired(), manifest, tmp_path / "stimuli", accept_warnings=True)
    assert stored.conversions == {
        "from JPEG": 1, "turned upright": 1, "from an ICC profile": 1
    }  # fmt: skip
    with read_session(engine) as db:
        file = db.scalar(select(Stimulus.file).where(Stimulus.image == "real/0"))
    with Image.open(tmp_path / "stimuli" / str(file)) as image:
        assert image.getpixel((4, 4)) == pytest.approx((166, 118, 84), abs=3)


def test_images_that_no_photograph_belongs_to_are_imported_unpaired(
    engine: Engine, tmp_path: Path
) -> None:
    manifest = write_folders(tmp_path, real=7, gan=6, foil=1)
    stored = import_study(engine, unpaired(), manifest, tmp_path / "stimuli")
    assert (stored.stimulus_count, stored.accepted_findings) == (14, [])
    with read_session(engine) as db:
        images = set(db.scalars(select(Stimulus.image)))
    assert {"real/0", "gan/5", "foil/0"} <= images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            {"real": 6, "gan": 6, "foil": 1},
            "6 images by real, but each participant needs 7 different",
        ),
        (
            {"real": 7, "gan": 5, "foil": 1},
            "5 images by gan, but each participant needs 6 different",
        ),
        (
            {"real": 7, "gan": 6},
            r"0 images by foil, but .*\(practice 2 \+ test 4 \+ attention 1\)",
        ),
    ],
)
def test_too_few_images_by_any_method_are_refused_unpaired(
    images: dict[str, int], message: str, engine: Engine, tmp_path: Path
) -> None:
    manifest = write_folders(tmp_path, **images)
    with pytest.raises(StudyError, match=message):
        import_study(engine, unpaired(), manifest, tmp_path / "stimuli")
    assert_nothing_is_left(engine, tmp_path / "stimuli")


def test_unpaired_fakes_without_a_photograph_cannot_share_its_luma(
    engine: Engine, tmp_path: Path
) -> None:
    manifest = write_folders(tmp_path, real=7, gan=6, foil=1)
    with pytest.raises(StudyError, match=r"has no photograph .* set stimuli = 'any'"):
        import_study(engine, unpaired(stimuli="recolored"), manifest, tmp_path / "stimuli")


def test_unpaired_images_of_two_sizes_are_refused(engine: Engine, tmp_path: Path) -> None:
    manifest = write_folders(tmp_path, real=7, gan=6, foil=1)
    edit(manifest, 3, width="9")
    with pytest.raises(StudyError, match="differ in size; make them the same size"):
        import_study(engine, unpaired(), manifest, tmp_path / "stimuli")


def test_a_fake_that_is_a_photograph_is_refused_unpaired_too(
    engine: Engine, tmp_path: Path
) -> None:
    manifest = write_folders(tmp_path, real=7, gan=6, foil=1)
    plant(manifest, "gan/0", "gan", read_pixels(manifest, "real/0", "real"))
    with pytest.raises(AuditFailedError) as raised:
        import_study(engine, unpaired(), manifest, tmp_path / "stimuli", accept_warnings=True)
    assert [finding.confound for finding in raised.value.findings] == ["identical"]
