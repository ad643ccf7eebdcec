"""Log training curves to TensorBoard, if it is installed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from colorizer.errors import ColorizerError
from colorizer.training.loop import EpochReport, StepReport


def record_to_tensorboard(
    training: Iterable[StepReport | EpochReport], folder: Path
) -> Iterator[StepReport | EpochReport]:
    """Log the reports of a training run to `folder`/tensorboard and pass them on.

    Raises ColorizerError if TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ColorizerError(
            "TensorBoard is not installed; run `pip install 'hue-and-eye[tensorboard]'`"
        ) from error
    with SummaryWriter(folder / "tensorboard") as writer:
        for report in training:
            if isinstance(report, StepReport):
                writer.add_scalar("step/loss", report.losses[0], report.global_step)
                writer.add_scalar("step/images_per_s", report.images_per_s, report.global_step)
            else:
                for name, value in report.row.items():
                    writer.add_scalar(f"epoch/{name}", value, int(report.row["epoch"]))
            yield report
