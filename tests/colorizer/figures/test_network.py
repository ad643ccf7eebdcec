import pytest
from matplotlib.patches import Rectangle

from colorizer.color.bins import bin_centers
from colorizer.figures.network import LayerInfo, draw_network, trace_layers
from colorizer.networks.models import build_colorizer


@pytest.fixture(scope="module")
def layers() -> list[LayerInfo]:
    return trace_layers(build_colorizer("resnet50v2", "mcl", bin_centers()).eval())


def test_the_traced_layers_have_their_output_shapes(layers: list[LayerInfo]) -> None:
    shapes = {layer.name: layer.shape for layer in layers}
    assert next(iter(shapes)) == "lightness"
    assert shapes["backbone.layer3"] == (1024, 16, 16)
    assert shapes["decoder.merge.0"] == (128, 64, 64)
    assert shapes["head.project"] == (313, 64, 64)
    assert list(shapes)[-1] == "ab"
    assert shapes["ab"] == (2, 64, 64)


@pytest.mark.slow(1.4)
def test_parameters_are_counted_once() -> None:
    model = build_colorizer("resnet50", "l2", bin_centers()).eval()
    first_norm = 2 * 64  # a single norm is not traced
    everything = sum(x.numel() for x in model.parameters())
    assert sum(layer.parameters for layer in trace_layers(model)) == everything - first_norm


@pytest.mark.slow(0.5)
def test_tracing_leaves_no_hook_behind(layers: list[LayerInfo]) -> None:
    model = build_colorizer("resnet50v2", "mcl", bin_centers()).eval()
    assert trace_layers(model) == layers == trace_layers(model)


def test_every_layer_is_drawn_and_connected(layers: list[LayerInfo]) -> None:
    (axes,) = draw_network(layers).axes
    drawn = [text.get_text() for text in axes.texts]
    for layer in layers:
        assert drawn.count(" \N{MULTIPLICATION SIGN} ".join(map(str, layer.shape))) >= 1
    assert len(axes.patches) == len(layers)
    laterals = 3  # each is connected to the backbone and to the decoder
    arrows = drawn.count("")
    assert arrows == (len(layers) - laterals - 2) + 2 * laterals


def test_a_network_without_laterals_is_a_chain() -> None:
    shapes = [(1, 256, 256), (64, 128, 128), (128, 128, 128), (2, 64, 64)]
    chain = [LayerInfo(f"model{index}", shape, 0) for index, shape in enumerate(shapes)]
    (axes,) = draw_network(chain).axes
    corners = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(corners) == len(chain)
    assert len({x for x, _ in corners}) == 2
    assert [text.get_text() for text in axes.texts].count("") == 3
