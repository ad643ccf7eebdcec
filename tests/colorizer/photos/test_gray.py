import numpy as np
import pytest

from colorizer.photos.gray import is_gray


@pytest.mark.parametrize(
    ("color", "gray"), [((120, 120, 120), True), ((126, 120, 118), True), ((140, 110, 110), False)]
)
def test_an_image_is_gray_if_no_ab_is_above_5(color: tuple[int, int, int], gray: bool) -> None:
    assert is_gray(np.full((16, 16, 3), color, np.uint8)) is gray
