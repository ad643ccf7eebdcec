from pathlib import Path

import pytest

from colorizer.files import atomic_write


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    with atomic_write(file) as temporary:
        temporary.write_text("whole\n")
        assert not file.exists()
    with pytest.raises(OSError, match="full"), atomic_write(file) as temporary:
        write_half(temporary)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "whole\n"


def write_half(file: Path) -> None:
    file.write_text("half")
    raise OSError("disk full")
