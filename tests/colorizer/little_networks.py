"""Networks with few channels, for tests of what is done with a network.

As a program, this module runs the command line with such networks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from colorizer.networks.backbone import ResNet50V2


@contextmanager
def little_networks() -> Iterator[None]:
    """Build every pyramid colorizer with one block per stage and a tenth of the channels."""
    with mock.patch.multiple(
        "colorizer.networks.models",
        build_backbone=lambda _name: ResNet50V2(width=8, blocks=(1, 1, 1)),
        DECODER_WIDTHS=(16, 24, 32, 48),
    ):
        yield


if __name__ == "__main__":
    from colorizer.cli import main

    with little_networks():
        main()
