"""A training's curves for TensorBoard, where it is installed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from colorizer.errors import ColorizerError
from colorizer.training.loop import Epoch, Step


def recorded(training: Iterable[Step | Epoch], folder: Path) -> Iterator[Step | Epoch]:
    """What a training tells, written down on its way: by the step and by the epoch.

    Raises ColorizerError where TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ColorizerError(
            "--tensorboard: it is not installed; `pip install 'hue-and-eye[tensorboard]'`"
        ) from error
    with SummaryWriter(folder / "tensorboard") as writer:
        for told in training:
            if isinstance(told, Step):
                writer.add_scalar("step/loss", told.losses[0], told.number)
                writer.add_scalar("step/images_per_s", told.images_per_s, told.number)
            else:
                for name, value in told.row.items():
                    writer.add_scalar(f"epoch/{name}", value, int(told.row["epoch"]))
            yield told
