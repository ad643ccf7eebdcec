"""Settings of a training that continues from a colorizer instead of a pre-trained backbone."""

from pathlib import Path

from colorizer.errors import ColorizerError
from colorizer.networks.backbone import RANDOM_WEIGHTS
from colorizer.networks.checkpoint import (
    ZHANG_RELEASE_SUFFIXES,
    file_sha256,
    find_model_file,
    is_model_file,
    read_header,
)

FINE_TUNING_EPOCHS = 5


def read_model_settings(model: str) -> dict[str, str]:
    """Return the settings of TrainConfig that a colorizer decides; model: a file or a name.

    Raises ColorizerError if the file is not a colorizer.
    """
    path = find_model_file(model)
    if path.suffix not in ZHANG_RELEASE_SUFFIXES and not is_model_file(path):
        raise ColorizerError(
            f"--from {model}: not a colorizer; to start from the weights of a backbone, use "
            f"--weights {model}"
        )
    header = read_header(path)
    return {
        "objective": header["objective"],
        "backbone": header["backbone"],
        "from_model": model,
        "from_sha256": file_sha256(path),
    }


def require_backbone_weights(weights: str | None) -> None:
    """Raise ColorizerError if the file of the initial weights is a colorizer, not a backbone."""
    if weights not in (None, RANDOM_WEIGHTS) and is_model_file(Path(weights)):
        raise ColorizerError(
            f"--weights {weights}: this is a colorizer, not a backbone; to continue from it, use "
            f"--from {weights}"
        )
