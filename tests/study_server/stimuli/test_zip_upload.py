"""A zip is unpacked whole, inside its folder, or not at all."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from study_server.errors import StudyError
from study_server.stimuli import zip_upload
from study_server.stimuli.zip_upload import unpack_zip
from tests.study_server.creation.zips import write_zip

LIMIT = 100_000_000


def unpack(archive: Path, folder: Path, limit: int = LIMIT) -> Path:
    folder.mkdir()
    return unpack_zip(archive, folder, limit)


def files_below(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_images_are_unpacked_and_other_files_are_ignored(tmp_path: Path) -> None:
    names = {"real/a.png": b"1", "gan/a.png": b"2", "manifest.csv": b"3"}
    ignored = {"real/.DS_Store": b"", "__MACOSX/real/._a.png": b"", "notes.txt": b"", "a/": b""}
    archive = write_zip(tmp_path / "stimuli.zip", names | ignored)
    folder = unpack(archive, tmp_path / "unpacked")
    assert files_below(folder) == set(names)
    assert (folder / "gan/a.png").read_bytes() == b"2"


@pytest.mark.parametrize("prefix", ["faces/", "work/faces/"])
def test_a_folder_around_everything_is_left_out(prefix: str, tmp_path: Path) -> None:
    names = {f"{prefix}real/a.png": b"1", f"{prefix}gan/a.png": b"2"}
    folder = unpack(write_zip(tmp_path / "stimuli.zip", names), tmp_path / "unpacked")
    assert files_below(folder) == {"real/a.png", "gan/a.png"}


def test_a_single_method_is_a_folder_of_its_own(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "stimuli.zip", {"real/a.png": b"1"})
    assert files_below(unpack(archive, tmp_path / "unpacked")) == {"real/a.png"}


def test_names_from_windows_lead_to_the_same_folders(tmp_path: Path) -> None:
    names = {"real\\a.png": b"1", "gan\\a.png": b"2"}
    folder = unpack(write_zip(tmp_path / "stimuli.zip", names), tmp_path / "unpacked")
    assert files_below(folder) == {"real/a.png", "gan/a.png"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../a.png", "outside its own folders: '../a.png'"),
        ("real/../../a.png", "outside its own folders"),
        ("/etc/a.png", "outside its own folders: '/etc/a.png'"),
        ("..\\a.png", "outside its own folders"),
        ("C:\\a.png", "outside its own folders"),
        ("real/a\0.png", "cannot be printed"),
        ("real/a\n.png", "cannot be printed"),
        ("real/" + "a" * 300 + ".png", "too long"),
        ("a/" * 20 + "a.png", "too deep"),
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(
    name: str, message: str, tmp_path: Path
) -> None:
    archive = tmp_path / "stimuli.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("real/a.png", b"1")
        entry = zipfile.ZipInfo("gan/a.png")
        entry.filename = name
        opened.writestr(entry, b"2")
    with pytest.raises(StudyError, match=message.replace("\\", "\\\\")):
        unpack(archive, tmp_path / "unpacked")
    assert files_below(tmp_path) == {"stimuli.zip"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused(kind: int, tmp_path: Path) -> None:
    archive, entry = tmp_path / "stimuli.zip", zipfile.ZipInfo("real/a.png")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(entry, "/etc/passwd")
    with pytest.raises(StudyError, match=r"'real/a.png' is a link or a device"):
        unpack(archive, tmp_path / "unpacked")
    assert files_below(tmp_path) == {"stimuli.zip"}


def encrypt(archive: Path) -> None:
    """Set the flag of encrypted entries, in the entry and in the directory at the end."""
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)


def damage(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index(b"real/a.png") + 12] ^= 255
    archive.write_bytes(content)


def cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-30])


def replace_by_text(archive: Path) -> None:
    archive.write_text("These are my images.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (encrypt, "'real/a.png' is encrypted"),
        (damage, "'real/a.png' is damaged"),
        (cut, "not a zip, or it is damaged"),
        (replace_by_text, "not a zip, or it is damaged"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    change: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "stimuli.zip", {"real/a.png": bytes(range(256)) * 40})
    change(archive)
    with pytest.raises(StudyError, match=message):
        unpack(archive, tmp_path / "unpacked")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression_is_refused_before_anything_is_written(
    compression: int, tmp_path: Path
) -> None:
    archive = tmp_path / "stimuli.zip"
    with zipfile.ZipFile(archive, "w", compression) as opened:
        opened.writestr("real/a.png", b"an image")
    with pytest.raises(StudyError, match=r"'real/a\.png' is not compressed by deflate"):
        unpack(archive, tmp_path / "unpacked")
    assert list((tmp_path / "unpacked").iterdir()) == []


@pytest.mark.slow(0.4)
def test_a_zip_bomb_is_refused_by_its_ratio_before_anything_is_written(tmp_path: Path) -> None:
    zeros = {f"real/{number}.png": bytes(10_000_000) for number in range(8)}
    archive = write_zip(tmp_path / "stimuli.zip", zeros)
    assert archive.stat().st_size < 100_000
    with pytest.raises(StudyError, match=r"times as large as the zip, which images never are"):
        unpack(archive, tmp_path / "unpacked", 10 * LIMIT)
    assert files_below(tmp_path) == {"stimuli.zip"}


def test_too_many_bytes_together_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "stimuli.zip", {"real/a.png": bytes(600), "l2/a.png": bytes(600)}
    )
    with pytest.raises(StudyError, match="have 1,200 bytes together; the limit is 1,000"):
        unpack(archive, tmp_path / "unpacked", 1000)
    assert files_below(tmp_path) == {"stimuli.zip"}


def test_a_size_that_lies_does_not_write_more_than_it_says(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "stimuli.zip", {"real/a.png": bytes(5_000_000)})
    content = bytearray(archive.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (100).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(StudyError, match="damaged"):
        unpack(archive, tmp_path / "unpacked", 1000)
    written = [file.stat().st_size for file in (tmp_path / "unpacked").rglob("*.png")]
    assert all(size <= 100 for size in written)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_upload, "MAX_ENTRIES", 2)
    archive = write_zip(tmp_path / "stimuli.zip", {f"real/{n}.png": b"" for n in range(3)})
    with pytest.raises(StudyError, match="the zip has 3 files; the limit is 2"):
        unpack(archive, tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["real/a.png", "real/A.png"], "twice"),
        (["real/a.png", "real/a.png/b.png"], "a file and a folder"),
        (["notes.txt"], "no PNG, JPEG or WebP files"),
    ],
)
def test_names_that_cannot_lie_beside_each_other_are_refused(
    names: list[str], message: str, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "stimuli.zip", dict.fromkeys(names, b""))
    with pytest.raises(StudyError, match=message):
        unpack(archive, tmp_path / "unpacked")
    assert files_below(tmp_path) == {"stimuli.zip"}


PARTS = st.sampled_from(["..", ".", "", "real", "a.png", "C:", "~", "con.png", "ä.png", "a\0.png"])
NAMES = st.one_of(
    st.lists(PARTS, min_size=1, max_size=5).map("/".join),
    st.lists(PARTS, min_size=1, max_size=5).map("\\".join),
    st.text(max_size=60),
    st.text(max_size=60).map(lambda text: f"real/{text}.png"),
)


@pytest.mark.slow(1.2)
@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(names=st.lists(NAMES, min_size=1, max_size=4))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_name_leads_out_of_the_folder(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    around = tmp_path_factory.mktemp("around")
    archive = around / "stimuli.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            entry = zipfile.ZipInfo("x")
            entry.filename = name.encode("utf-8", "replace").decode()
            opened.writestr(entry, b"content")
    try:
        unpack(archive, around / "unpacked")
    except StudyError:
        assert files_below(around) == {"stimuli.zip"}
    outside = {name for name in files_below(around) if not name.startswith("unpacked/")}
    assert outside == {"stimuli.zip"}
    assert not any(path.is_symlink() for path in around.rglob("*"))
