import json

import pytest
import torch
from torch import Tensor

from colorizer.networks.st_lpips import ShiftTolerantLpips
from tests.reference.make_st_lpips import EXPECTED, make_pairs


@pytest.fixture(scope="module")
def metric() -> ShiftTolerantLpips:
    return ShiftTolerantLpips().eval()


def to_rgb(pixels: object) -> Tensor:
    return torch.as_tensor(pixels).movedim(-1, 0)[None].float() / 255


@torch.inference_mode()
def test_distances_agree_with_the_authors_package(metric: ShiftTolerantLpips) -> None:
    expected = json.loads(EXPECTED.read_text())["alex"]
    found = [float(metric(to_rgb(image), to_rgb(duller))) for image, duller in make_pairs()]
    assert found == pytest.approx(expected, abs=1e-5)


@torch.inference_mode()
def test_several_images_are_compared_with_one_original(metric: ShiftTolerantLpips) -> None:
    image, duller = (to_rgb(x) for x in make_pairs()[0])
    distances = metric(torch.cat([image, duller, (image + duller) / 2]), image)
    assert float(distances[0]) == 0
    assert float(distances[1]) == pytest.approx(float(metric(image, duller)), abs=1e-5)
    assert distances[0] < distances[2] < distances[1]
