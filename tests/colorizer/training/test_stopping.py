import signal
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.networks.checkpoint import (
    load_colorizer,
)
from colorizer.training.loop import (
    Epoch,
    Step,
    objective_loss,
    train,
)
from colorizer.training.photo_cache import Squares
from colorizer.training.state import begin_run, resume_run
from colorizer.training.stopping import Pace, deferred_stop
from tests.colorizer.conftest import CPU
from tests.colorizer.little_training import LITTLE


def test_time_ends_a_run_in_good_order(squares: Squares, tmp_path: Path) -> None:
    run = begin_run(replace(LITTLE, shortest_epoch=4000), None, CPU)
    told = list(
        train(run, squares, squares, objective_loss(None, CPU), tmp_path, Pace(minutes=0.02))
    )
    assert isinstance(told[-1], Epoch)
    assert told[-1].row["steps"] < 4000
    assert isinstance(told[-2], Step)
    assert told[-2].share > 10 * told[-1].row["steps"] / 4000  # the schedule goes by the time
    load_colorizer(tmp_path / "best.safetensors", CPU)


def test_a_stop_is_saved_and_resumed(squares: Squares, tmp_path: Path) -> None:
    loss, asked = objective_loss(None, CPU), iter([False, True])
    pace = Pace(stopped=lambda: next(asked))
    told = list(train(begin_run(LITTLE, None, CPU), squares, squares, loss, tmp_path, pace))
    assert [type(step) for step in told] == [Step, Step]
    again = resume_run(tmp_path, CPU)
    assert (again.epoch, again.step) == (0, 2)
    list(train(again, squares, squares, loss, tmp_path))
    assert again.log[0]["steps"] == LITTLE.shortest_epoch


def test_ctrl_c_is_only_noted_and_the_second_ends_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred_stop() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
