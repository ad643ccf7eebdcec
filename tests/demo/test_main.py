"""The demo as it is called: what it refuses, and where it keeps its things."""

import socket
from pathlib import Path

import pytest

from demo import __main__ as demo
from demo.commands import DemoError


@pytest.mark.parametrize("photographs", [0, 5])
def test_too_few_photographs_of_ones_own_are_refused_in_a_line(
    photographs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for number in range(photographs):
        (own / f"{number}.jpg").touch()
    monkeypatch.setattr(demo, "REPOSITORY_ROOT", tmp_path)
    monkeypatch.setenv("DEMO_PHOTOS", str(own))
    assert demo.main() == 2
    assert (
        capsys.readouterr().err
        == f"demo: {own}: {photographs} photographs; use at least 16 in color\n"
    )


def test_a_folder_that_is_not_there_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "REPOSITORY_ROOT", tmp_path)
    monkeypatch.setenv("DEMO_PHOTOS", str(tmp_path / "nowhere"))
    assert demo.main() == 2
    error = capsys.readouterr().err
    assert "nowhere: no such folder" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_folder_of_photographs_has_a_place_of_its_own() -> None:
    folders = [None, Path("/a/photos"), Path("/b/photos")]
    assert len({demo.demo_folder(folder) for folder in folders}) == 3


def test_a_taken_port_is_replaced_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((demo.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert demo.choose_port(str(port)) != port
    assert f"Port {port} is in use" in capsys.readouterr().out
    assert demo.choose_port(str(port)) == port


@pytest.mark.parametrize("nonsense", ["http", "0", "70000", "-1", ""])
def test_a_port_that_is_none_is_refused(nonsense: str) -> None:
    with pytest.raises(DemoError, match="is not a port number"):
        demo.choose_port(nonsense)


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--port", 2)])
def test_an_argument_does_not_run_the_demo(
    argument: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "run_demo", lambda _: pytest.fail("the demo ran"))
    with pytest.raises(SystemExit) as ended:
        demo.main([argument])
    assert ended.value.code == code
    written = capsys.readouterr()
    assert "usage: python -m demo" in written.out + written.err
    if code == 0:
        assert "PORT " in written.out
        assert "DEMO_PHOTOS" in written.out
