"""Exit codes of the commands, and atomic writes."""

from pathlib import Path

import click
import pytest

from analysis.files import atomic_write_files, run_command


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (click.ClickException("r.csv: empty"), 2, "Error: r.csv: empty\n"),
        (click.UsageError("give --out"), 2, "Error: give --out\n"),
    ],
)
def test_ctrl_c_and_mistakes_end_without_a_traceback(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    def fail() -> None:
        raise raised

    monkeypatch.setattr("sys.argv", ["fail"])
    with pytest.raises(SystemExit) as ended:
        run_command(fail)
    assert ended.value.code == code
    assert capsys.readouterr().err.lstrip("\n") == said


def test_a_failure_midway_leaves_the_files_of_before(tmp_path: Path) -> None:
    atomic_write_files(tmp_path, {"a": b"old"})
    with pytest.raises(FileExistsError, match="a"):
        atomic_write_files(tmp_path, {"a": b"new", "a/b": b"below a file"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
