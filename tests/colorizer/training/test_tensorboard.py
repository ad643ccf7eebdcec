import sys
from pathlib import Path

import numpy as np
import pytest

from colorizer.errors import ColorizerError
from colorizer.training.loop import EpochReport, StepReport
from colorizer.training.tensorboard import record_to_tensorboard

REPORTS: list[StepReport | EpochReport] = [
    StepReport(1, 1, np.array([2.0, 1.0]), 30.0, 0.5),
    EpochReport({"epoch": 1, "val_loss": 1.5}, True),
]


def test_a_missing_tensorboard_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ColorizerError, match=r"TensorBoard is not installed; run `pip install"):
        list(record_to_tensorboard(REPORTS, tmp_path))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_reports_are_logged_and_passed_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="install the extra: pip install -e '.[dev]'")
    assert list(record_to_tensorboard(REPORTS, tmp_path)) == REPORTS
    (events,) = (tmp_path / "tensorboard").iterdir()
    for name in (b"step/loss", b"epoch/val_loss"):
        assert name in events.read_bytes()
