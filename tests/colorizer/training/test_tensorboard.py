import sys
from pathlib import Path

import numpy as np
import pytest

from colorizer.errors import ColorizerError
from colorizer.training.loop import EpochReport, StepReport
from colorizer.training.tensorboard import record_to_tensorboard

TOLD: list[StepReport | EpochReport] = [
    StepReport(1, 1, np.array([2.0, 1.0]), 30.0, 0.5),
    EpochReport({"epoch": 1, "val_loss": 1.5}, True),
]


def test_where_it_is_not_installed_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ColorizerError, match=r"--tensorboard: it is not installed; `pip install"):
        list(record_to_tensorboard(TOLD, tmp_path))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_what_is_told_is_recorded_and_told_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="install the extra: pip install -e '.[dev]'")
    assert list(record_to_tensorboard(TOLD, tmp_path)) == TOLD
    (events,) = (tmp_path / "tensorboard").iterdir()
    for name in (b"step/loss", b"epoch/val_loss"):
        assert name in events.read_bytes()
