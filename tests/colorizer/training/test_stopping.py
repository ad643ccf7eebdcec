import signal
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.networks.checkpoint import load_colorizer
from colorizer.training.loop import EpochReport, StepReport, build_loss, train
from colorizer.training.photo_cache import PhotoCache
from colorizer.training.state import create_training_state, load_training_state
from colorizer.training.stopping import TrainingTimer, defer_stop_signals
from tests.colorizer.conftest import CPU
from tests.colorizer.little_training import LITTLE


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(3)
def test_an_epoch_ended_by_the_time_limit_is_validated_and_saved(
    squares: PhotoCache, tmp_path: Path
) -> None:
    run = create_training_state(replace(LITTLE, min_epoch_steps=4000), None, CPU)
    reports = list(
        train(run, squares, squares, build_loss(None, CPU), tmp_path, TrainingTimer(minutes=0.05))
    )
    assert isinstance(reports[-1], EpochReport)
    assert reports[-1].row["steps"] < 4000
    assert isinstance(reports[-2], StepReport)
    assert (
        reports[-2].progress > 10 * reports[-1].row["steps"] / 4000
    )  # the schedule follows the time
    load_colorizer(tmp_path / "best.safetensors", CPU)


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(3)
def test_a_stopped_run_is_saved_and_can_be_resumed(squares: PhotoCache, tmp_path: Path) -> None:
    loss, stop_requests = build_loss(None, CPU), iter([False, True])
    timer = TrainingTimer(stop_requested=lambda: next(stop_requests))
    reports = list(
        train(create_training_state(LITTLE, None, CPU), squares, squares, loss, tmp_path, timer)
    )
    assert [type(step) for step in reports] == [StepReport, StepReport]
    again = load_training_state(tmp_path, CPU)
    assert (again.epochs_done, again.steps_done) == (0, 2)
    list(train(again, squares, squares, loss, tmp_path))
    assert again.log_rows[0]["steps"] == LITTLE.min_epoch_steps


def test_the_first_ctrl_c_is_recorded_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with defer_stop_signals() as received:
        signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
