from pathlib import Path

import pytest

from study_server.files import atomic_write


def write_half(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("half")
    raise OSError("disk full")


def test_a_file_appears_only_when_complete(tmp_path: Path) -> None:
    file = tmp_path / "new" / "responses.csv"
    with atomic_write(file) as temporary:
        temporary.write_text("a,b\n")
        assert not file.exists()
        assert temporary.suffix == ".csv"
    assert [path.name for path in file.parent.iterdir()] == ["responses.csv"]
    assert file.read_text() == "a,b\n"


def test_a_block_that_fails_leaves_the_file_of_before_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "responses.csv"
    file.write_text("before\n")
    with pytest.raises(OSError, match="full"), atomic_write(file) as temporary:
        write_half(temporary)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "before\n"


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    with pytest.raises(OSError, match="full"), atomic_write(folder) as temporary:
        write_half(temporary / "consent.md")
    assert list(tmp_path.iterdir()) == []
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        (temporary / "design.json").write_text("{}")
    assert list(tmp_path.iterdir()) == [folder]
    assert (folder / "design.json").read_text() == "{}"
