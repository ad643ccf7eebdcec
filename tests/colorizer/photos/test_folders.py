import os
from collections import Counter
from pathlib import Path

import pytest

from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.photos.folders import (
    count_other_files,
    describe_other_files,
    find_photographs,
    no_photographs_error,
    require_not_above,
    require_separate,
)
from colorizer.photos.formats import readable_suffixes
from colorizer.photos.reading import read_photograph


def test_hidden_files_and_other_types_are_skipped(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c.png", "._b.jpg", ".cache/d.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [path.relative_to(tmp_path).as_posix() for path in find_photographs(tmp_path)]
    assert names == ["a/c.png", "b.JPG"]


def test_links_and_odd_names_are_found_and_circular_links_not_followed(tmp_path: Path) -> None:
    odd = [b"a b.jpg", b"line\nbreak.jpg", b"latin-\xe9.jpg"]
    for name in odd:
        (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / "broken.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)
    names = [os.fsencode(path.name) for path in find_photographs(tmp_path)]
    assert sorted(names) == sorted([*odd, b"broken.jpg"])


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.png").touch()
    (elsewhere / "back").symlink_to(elsewhere)
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "linked").symlink_to(elsewhere)
    assert [path.name for path in find_photographs(photographs)] == ["a.png"]


def test_a_folder_that_cannot_be_listed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shut").mkdir()
    scan = os.scandir

    def guard(folder: str) -> object:
        if Path(folder).name == "shut":  # real permissions do not apply to root
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", guard)
    (path,) = find_photographs(tmp_path)
    assert path == tmp_path / "shut"
    with pytest.raises(UnreadablePhotographError, match="cannot list this folder"):
        read_photograph(path)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize("suffix", [".jfif", ".pgm", ".ppm", ".pbm", ".pnm", ".mpo", ".TIF"])
def test_files_of_every_readable_format_are_found(suffix: str, tmp_path: Path) -> None:
    touch(tmp_path, f"a{suffix}")
    assert [path.name for path in find_photographs(tmp_path)] == [f"a{suffix}"]


def test_heif_files_are_found_where_pillow_heif_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    touch(tmp_path, "a.heic", "b.HEIF")
    assert len(find_photographs(tmp_path)) == 2


def test_files_of_other_kinds_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jxl", "c/d.JXL", "notes.txt", "README", ".hidden.jxl", "out/e.psd")
    kinds = count_other_files(tmp_path, without=tmp_path / "out")
    assert kinds == Counter({".jxl": 2, ".txt": 1, "": 1})
    assert describe_other_files(kinds) == (
        "4 files of other kinds: 2 .jxl, 1 without a suffix, 1 .txt"
    )


def test_heif_files_that_cannot_be_read_come_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.heic")
    suffixes = readable_suffixes() - {".heic"}
    monkeypatch.setattr("colorizer.photos.folders.readable_suffixes", lambda: suffixes)
    described = describe_other_files(count_other_files(tmp_path))
    assert described.startswith(
        "1 file of other kinds: 1 .heic (to read HEIC, install pillow-heif,"
    )


def test_the_error_for_a_folder_without_photographs_says_what_is_in_it(tmp_path: Path) -> None:
    assert str(no_photographs_error(tmp_path)) == (
        f"{tmp_path}: no photographs in this folder; use another one"
    )
    touch(tmp_path, "a.jxl")
    assert "no photographs in this folder, but 1 file of other kinds: 1 .jxl; use" in str(
        no_photographs_error(tmp_path)
    )


def test_outputs_and_photographs_are_in_separate_folders(tmp_path: Path) -> None:
    photos, link = tmp_path / "photos", tmp_path / "link"
    photos.mkdir()
    link.symlink_to(photos)
    for out, reason in (
        (photos, "this folder is .*photos, the folder of the photographs"),
        (link, "this folder is .*photos, the folder of the photographs"),
        (tmp_path, "this folder contains .*photos, the folder of the photographs"),
    ):
        for require in (require_not_above, require_separate):
            with pytest.raises(ColorizerError, match=reason):
                require(out, photos)
    with pytest.raises(ColorizerError, match=r"this folder is inside .*photos"):
        require_separate(photos / "out", photos)
    require_not_above(photos / "out", photos)
    require_separate(tmp_path / "photos-out", photos)
