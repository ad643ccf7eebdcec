"""Running the project's commands: failures, refusals, interruptions, and whose settings count."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.commands import DemoError, execute, run, run_step

ROOT = Path(__file__).parents[2]


def test_a_step_whose_outcome_is_there_is_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    run_step("Old", True, lambda: done.append("old"))
    run_step("New", False, lambda: done.append("new"))
    assert done == ["new"]
    assert "Old: already done" in capsys.readouterr().out


def test_a_failure_says_which_command_and_why(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"`python -c .*` failed: no photographs"):
        run(tmp_path, "python", "-c", "import sys; sys.exit('no photographs')")


def test_refused_inputs_are_named_but_no_failure_once_the_output_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made.csv"
    refuse = "import sys; open('made.csv', 'w'); sys.exit('refused a.jpg: truncated')"
    run(tmp_path, "python", "-c", refuse, output=made)
    assert capsys.readouterr().err == "refused a.jpg: truncated\n"
    with pytest.raises(DemoError):
        run(tmp_path, "python", "-c", "raise SystemExit(1)", output=tmp_path / "other.csv")
    with pytest.raises(DemoError):
        run(tmp_path, "python", "-c", "raise SystemExit(2)", output=made)


def test_commands_never_see_the_settings_of_a_real_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", "postgresql://a.real/study")
    seen = "import os; print([name for name in os.environ if name.startswith('STUDY_')])"
    assert execute(tmp_path, ("python", "-c", seen)).stdout == "[]\n"


def test_an_interrupted_command_interrupts_the_demo(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(tmp_path, ("python", "-c", "raise SystemExit(130)"))


@pytest.mark.slow(2)
def test_an_interrupted_demo_leaves_no_command_behind(tmp_path: Path) -> None:
    """The signal reaches only the demo, as with `kill -INT`; the command still ends first."""
    command = "open('started', 'w'); import time; time.sleep(60); open('late', 'w')"
    demo = f"from demo.commands import *; execute(Path('.'), ('python', '-c', {command!r}))"
    started = time.monotonic()
    program = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {demo}"]
    with subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "started").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)  # its pipe closes when both have ended
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - started < 30
