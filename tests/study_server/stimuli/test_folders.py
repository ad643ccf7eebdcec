"""A manifest for the images of any generator."""

import csv
import hashlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from study_server.errors import StudyError
from study_server.stimuli.folders import (
    count_other_files,
    describe_other_files,
    write_manifest,
)
from study_server.stimuli.manifest import group_by_image, read_manifest


def write_images(folder: Path, *names: str, size: tuple[int, int] = (8, 6)) -> Path:
    for name in names:
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    return {
        method: write_images(tmp_path / method, "dogs/1", "cat, sleeping", "kühe/ä")
        for method in ("real", "gan", "foil")
    }


def test_equal_names_are_one_photograph(folders: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "manifest.csv"
    assert write_manifest(out, folders).stimulus_count == 9
    images = group_by_image(out, read_manifest(out))
    assert list(images) == ["cat, sleeping", "dogs/1", "kühe/ä"]
    row = images["dogs/1"]["gan"]
    assert row.path == tmp_path / "gan" / "dogs" / "1.png"
    assert row.sha256 == hashlib.sha256(row.path.read_bytes()).hexdigest()
    assert (row.width, row.height, row.split, row.checkpoint) == (8, 6, "test", "")
    assert [path.name for path in tmp_path.glob("*.csv*")] == ["manifest.csv"]


def test_files_are_named_relative_to_the_manifest(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(Path("manifest.csv"), {method: Path(method) for method in folders})
    with Path("manifest.csv").open(newline="", encoding="utf-8") as handle:
        assert {row["file"] for row in csv.DictReader(handle)} >= {"gan/dogs/1.png"}


def test_missing_pairs_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    write_images(folders["gan"], "extra")
    (folders["foil"] / "dogs" / "1.png").unlink()
    with pytest.raises(StudyError) as refused:
        write_manifest(tmp_path / "manifest.csv", folders)
    assert str(refused.value) == (
        "real has no extra; foil has no dogs/1, extra; "
        "every photograph needs one image per method, or the study must be unpaired "
        "(--unpaired, and paired = false in study.toml)"
    )
    assert not (tmp_path / "manifest.csv").exists()


def test_of_many_missing_pairs_a_few_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    write_images(folders["real"], *(f"{n:02}" for n in range(12)))
    with pytest.raises(StudyError, match=r"gan has no 00, 01, 02, 03, 04 and 7 more; foil has no"):
        write_manifest(tmp_path / "manifest.csv", folders)


def test_unpaired_images_never_share_a_name(folders: dict[str, Path], tmp_path: Path) -> None:
    write_images(folders["gan"], "extra")
    out = tmp_path / "manifest.csv"
    assert write_manifest(out, folders, paired=False).stimulus_count == 10
    images = group_by_image(out, read_manifest(out))
    assert all(list(rows) == [image.partition("/")[0]] for image, rows in images.items())


def test_images_of_different_sizes_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    write_images(folders["gan"], "dogs/1", size=(8, 7))
    for paired in (True, False):
        with pytest.raises(StudyError, match=r"1\.png is 8x7, .* 8x6; make them the same size"):
            write_manifest(tmp_path / "manifest.csv", folders, paired=paired)


def test_photographs_may_differ_in_size_from_each_other_where_pairs_do_not(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    for folder in folders.values():
        write_images(folder, "large", size=(16, 16))
    assert write_manifest(tmp_path / "manifest.csv", folders).stimulus_count == 12
    with pytest.raises(StudyError, match="make them the same size"):
        write_manifest(tmp_path / "manifest.csv", folders, paired=False)


def test_other_pictures_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    Image.new("RGBA", (8, 6)).save(folders["gan"] / "dogs" / "1.png")
    with pytest.raises(
        StudyError, match=r"gan/dogs/1\.png is a PNG with transparency; save it as 8-bit RGB"
    ):
        write_manifest(tmp_path / "manifest.csv", folders)


def test_a_manifest_lies_above_its_files(folders: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "m.csv"
    with pytest.raises(StudyError, match=rf"use --out {tmp_path / 'm.csv'}$"):
        write_manifest(out, folders)


def test_other_mistakes_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    out, empty = tmp_path / "manifest.csv", tmp_path / "empty"
    empty.mkdir()
    for wrong, message in [
        ({"gan": folders["gan"]}, "add --method real=FOLDER"),
        (folders | {"gan": tmp_path / "nowhere"}, "nowhere: no such folder"),
        (folders | {"gan": empty}, "empty: no PNG, JPEG or WebP files; save"),
        (folders | {"My GAN": folders["gan"]}, "--method My GAN: the name must match"),
    ]:
        with pytest.raises(StudyError, match=message):
            write_manifest(out, wrong)


def test_indistinguishable_names_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    write_images(folders["real"], "two\nlines")
    with pytest.raises(StudyError, match=r"two\\nlines.*rename it"):
        write_manifest(tmp_path / "manifest.csv", folders)


def test_jpeg_and_webp_files_are_listed_with_their_upright_size_and_own_sha256(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (folders["gan"] / "dogs" / "1.png").unlink()
    turned, path = Image.Exif(), folders["gan"] / "dogs" / "1.JPG"
    turned[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (6, 8)).save(path, "JPEG", exif=turned)
    out = tmp_path / "manifest.csv"
    summary = write_manifest(out, folders)
    assert summary.conversions == {"from JPEG": 1, "turned upright": 1}
    row = group_by_image(out, read_manifest(out))["dogs/1"]["gan"]
    assert (row.path, row.width, row.height) == (path, 8, 6)
    assert row.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_of_other_kinds_are_counted_without_hidden_ones(folders: dict[str, Path]) -> None:
    for name in ("a.heic", "b.HEIC", "c.jxl", "README", ".hidden.heic", "._1.png"):
        (folders["gan"] / name).touch()
    kinds = count_other_files(folders["gan"])
    assert describe_other_files(kinds) == (
        "4 files of other kinds: 2 .heic, 1 without a suffix, 1 .jxl"
    )


def test_a_folder_without_images_says_what_is_in_it(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.cr2").touch()
    with pytest.raises(StudyError, match=r"WebP files, but 1 file of other kinds: 1 \.cr2; save"):
        write_manifest(tmp_path / "manifest.csv", folders | {"gan": tmp_path / "raw"})


def test_linked_folders_are_followed_once(folders: dict[str, Path], tmp_path: Path) -> None:
    for method, folder in folders.items():
        write_images(tmp_path / "elsewhere" / method, "a")
        (folder / "linked").symlink_to(tmp_path / "elsewhere" / method)
        (folder / "dogs" / "loop").symlink_to(folder)
    out = tmp_path / "manifest.csv"
    assert write_manifest(out, folders).stimulus_count == 12
    rows = group_by_image(out, read_manifest(out))
    assert rows["linked/a"]["gan"].path == tmp_path / "elsewhere" / "gan" / "a.png"


def test_a_link_out_of_the_manifests_folder_is_refused_with_its_target(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "real").symlink_to(folders["real"])
    with pytest.raises(StudyError) as refused:
        write_manifest(study / "manifest.csv", {"real": study / "real"})
    assert "folder above its files, where links lead; " in str(refused.value)
    assert str(folders["real"]) in str(refused.value)
    assert f"use --out {folders['real']}" in str(refused.value)
