import signal
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.networks.checkpoint import (
    load_colorizer,
)
from colorizer.training.loop import (
    EpochReport,
    StepReport,
    build_loss,
    train,
)
from colorizer.training.photo_cache import PhotoCache
from colorizer.training.state import create_training_state, load_training_state
from colorizer.training.stopping import TrainingTimer, defer_stop_signals
from tests.colorizer.conftest import CPU
from tests.colorizer.little_training import LITTLE


def test_time_ends_a_run_in_good_order(squares: PhotoCache, tmp_path: Path) -> None:
    run = create_training_state(replace(LITTLE, min_epoch_steps=4000), None, CPU)
    told = list(
        train(run, squares, squares, build_loss(None, CPU), tmp_path, TrainingTimer(minutes=0.02))
    )
    assert isinstance(told[-1], EpochReport)
    assert told[-1].row["steps"] < 4000
    assert isinstance(told[-2], StepReport)
    assert told[-2].progress > 10 * told[-1].row["steps"] / 4000  # the schedule goes by the time
    load_colorizer(tmp_path / "best.safetensors", CPU)


def test_a_stop_is_saved_and_resumed(squares: PhotoCache, tmp_path: Path) -> None:
    loss, asked = build_loss(None, CPU), iter([False, True])
    pace = TrainingTimer(stop_requested=lambda: next(asked))
    told = list(
        train(create_training_state(LITTLE, None, CPU), squares, squares, loss, tmp_path, pace)
    )
    assert [type(step) for step in told] == [StepReport, StepReport]
    again = load_training_state(tmp_path, CPU)
    assert (again.epochs_done, again.steps_done) == (0, 2)
    list(train(again, squares, squares, loss, tmp_path))
    assert again.log_rows[0]["steps"] == LITTLE.min_epoch_steps


def test_ctrl_c_is_only_noted_and_the_second_ends_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with defer_stop_signals() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
