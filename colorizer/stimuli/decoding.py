"""The methods that have a model, and how each of them decodes its prediction to colors."""

from typing import NamedTuple

from torch import Tensor

from colorizer.errors import ColorizerError
from colorizer.networks.calm_mean import calm_mean
from colorizer.networks.models import Colorizer, PyramidColorizer, RebalancedHead
from colorizer.networks.zhang2016 import ANNEALED_TEMPERATURE, ZHANG2016

VIVID_GAIN = 1.35  # brings the colorfulness of l2 nearer to that of photographs


class Decoding(NamedTuple):
    """The decoding of a method: which model it uses, and how it turns predictions into colors.

    temperature: of classification models. gain: factor for ab. calm: as in `calm_mean`.
    """

    model: str
    temperature: float = 1.0
    gain: float = 1.0
    calm: bool = False


DECODINGS = {  # by method
    "l2": Decoding("l2"),
    "l2-vivid": Decoding("l2", gain=VIVID_GAIN),
    "mcl": Decoding("mcl"),
    "mcl-calm": Decoding("mcl", calm=True),
    "mcl-annealed": Decoding("mcl", ANNEALED_TEMPERATURE),
    ZHANG2016: Decoding(ZHANG2016, ANNEALED_TEMPERATURE),
}


def decode_ab(network: Colorizer, raw: Tensor, lightness: Tensor, decoding: Decoding) -> Tensor:
    """Decode a prediction to ab (N, 2, H / 4, W / 4).

    raw: the output of the network for lightness (N, 1, H, W). Raises ColorizerError if a calm
    decoding needs training weights that the model does not have.
    """
    if not decoding.calm:
        return decoding.gain * network.decode(raw, decoding.temperature)
    head = network.head if isinstance(network, PyramidColorizer) else None
    if not isinstance(head, RebalancedHead) or head.bin_weight is None:
        raise ColorizerError(
            "mcl-calm: the model file does not have the weights of its training; use a model that "
            "`colorizer train --objective mcl` wrote"
        )
    ab = calm_mean(raw, lightness, head.bins, head.bin_weight, decoding.temperature)
    return decoding.gain * ab
