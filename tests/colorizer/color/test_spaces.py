import itertools

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorizer.color.spaces import (
    MAX_BLUE_SHIFT,
    from_bytes,
    gray_rgb,
    lab_to_rgb,
    lab_to_rgb_in_gamut,
    map_to_gamut,
    rgb_to_lab,
    rgb_to_lightness,
    to_bytes,
    to_bytes_keeping_lightness,
)
from tests.colorizer.colors import srgb_grid

# skimage.color.rgb2lab, scikit-image 0.26
REFERENCE = {
    (0, 0, 255): (32.2957, 79.1856, -107.8573),
    (255, 0, 0): (53.2406, 80.0923, 67.2028),
    (0, 255, 0): (87.7351, -86.1830, 83.1797),
    (255, 255, 0): (97.1395, -21.5547, 94.4781),
    (255, 0, 255): (60.3235, 98.2331, -60.8210),
    (255, 255, 255): (100.0, -0.0025, 0.0047),
    (128, 128, 128): (53.5850, -0.0015, 0.0028),
    (12, 200, 77): (70.8157, -66.5435, 48.8732),
    (3, 2, 1): (0.5869, 0.1224, 0.4706),
    (240, 230, 140): (90.3283, -9.0112, 44.9820),
}


def srgb_corners() -> torch.Tensor:
    """Return sRGB colors on a grid of 18 levels per channel, (1, 3, 5832)."""
    levels = range(0, 256, 15)
    return torch.tensor(list(itertools.product(levels, repeat=3))).T[None] / 255


def random_lab_colors() -> torch.Tensor:
    """Return random Lab colors (1, 3, 64, 64), most of them outside sRGB."""
    generator = torch.Generator().manual_seed(0)
    scale, offset = torch.tensor([100.0, 220, 220]), torch.tensor([0.0, 110, 110])
    colors = torch.rand(1, 64, 64, 3, generator=generator) * scale - offset
    return colors.movedim(-1, 1)


@pytest.mark.parametrize(("rgb", "lab"), REFERENCE.items())
def test_lab_agrees_with_scikit_image(
    rgb: tuple[int, int, int], lab: tuple[float, float, float]
) -> None:
    ours = rgb_to_lab(torch.tensor(rgb)[None, :, None] / 255)[0, :, 0]
    torch.testing.assert_close(ours, torch.tensor(lab), atol=2e-3, rtol=0)


def test_lab_of_every_eighth_level_agrees_with_scikit_image() -> None:
    level = np.round(np.linspace(0, 255, 32)) / 255
    rgb = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(srgb_grid(levels=32), rgb2lab(rgb), rtol=0, atol=1e-3)


def test_srgb_colors_are_in_the_ab_range_of_the_bins() -> None:
    _, a, b = rgb_to_lab(srgb_corners())[0]
    extremes = torch.stack([a.min(), a.max(), b.min(), b.max()])
    torch.testing.assert_close(
        extremes, torch.tensor([-86.18, 98.23, -107.86, 94.48]), atol=0.01, rtol=0
    )


def test_converting_to_lab_and_back_changes_no_byte() -> None:
    pixels = torch.arange(256).repeat(3, 1).T[None, None].to(torch.uint8)
    corners = to_bytes(srgb_corners()[:, :, None])
    for before in (pixels, corners):
        assert torch.equal(
            to_bytes(lab_to_rgb(map_to_gamut(rgb_to_lab(from_bytes(before))))), before
        )


def test_converting_from_lab_and_back_keeps_the_color() -> None:
    lab = srgb_grid(levels=32)
    back = rgb_to_lab(lab_to_rgb(lab))
    torch.testing.assert_close(back, lab, rtol=0, atol=1e-3)


def test_rgb_to_lightness_equals_the_l_of_lab() -> None:
    corners = srgb_corners()
    torch.testing.assert_close(
        rgb_to_lightness(corners), rgb_to_lab(corners)[:, :1], atol=1e-4, rtol=0
    )


def test_a_gray_image_has_its_lightness_and_equal_channels() -> None:
    lightness = torch.linspace(0, 100, 64).reshape(1, 1, 8, 8)
    gray = gray_rgb(lightness)
    assert torch.equal(gray[:, 0], gray[:, 2])
    torch.testing.assert_close(rgb_to_lightness(gray), lightness, atol=1e-3, rtol=0)


def test_gamut_mapping_keeps_lightness_after_rounding() -> None:
    wild = random_lab_colors()
    pixels = to_bytes(lab_to_rgb(map_to_gamut(wild)))
    moved = (rgb_to_lab(from_bytes(pixels))[:, 0] - wild[:, 0]).abs()
    assert moved.max() < 1
    clipped = to_bytes(lab_to_rgb(wild))  # for comparison: clipping RGB
    assert (rgb_to_lab(from_bytes(clipped))[:, 0] - wild[:, 0]).abs().max() > 10


def test_gamut_mapping_keeps_hue_and_as_much_chroma_as_fits() -> None:
    wild = random_lab_colors()
    shrunk = map_to_gamut(wild)
    angle = torch.atan2(wild[:, 2], wild[:, 1]) - torch.atan2(shrunk[:, 2], shrunk[:, 1])
    colored = shrunk[:, 1:].norm(dim=1) > 1e-3
    assert torch.cos(angle[colored]).min() > 0.9999
    beyond = torch.cat([shrunk[:, :1], shrunk[:, 1:] * 1.01], dim=1)
    moved = (shrunk != wild).any(dim=1) & (shrunk[:, 1:].norm(dim=1) > 5)
    rgb = lab_to_rgb(beyond).movedim(1, -1)[moved]
    outside = ((rgb < 0) | (rgb > 1)).any(dim=-1)
    assert outside.all()


def test_lab_to_rgb_in_gamut_gives_the_same_bytes_as_two_steps() -> None:
    for lab in (random_lab_colors(), rgb_to_lab(srgb_corners()[:, :, None])):
        assert torch.equal(
            to_bytes(lab_to_rgb_in_gamut(lab)), to_bytes(lab_to_rgb(map_to_gamut(lab)))
        )


def test_colors_inside_the_gamut_are_unchanged() -> None:
    lab = rgb_to_lab(srgb_corners()[:, :, None])
    assert torch.equal(map_to_gamut(lab), lab)


def test_rounding_keeps_lightness_better_than_any_neighbor_could() -> None:
    rgb = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    lightness = rgb_to_lightness(rgb)
    rounded = to_bytes_keeping_lightness(rgb, lightness)
    low = (rgb * 255).floor()
    steps = itertools.product((0, 1), repeat=3)
    neighbors = [low + torch.tensor(step)[None, :, None, None] for step in steps]
    moved = [(rgb_to_lightness(levels / 255) - lightness).abs() for levels in neighbors]
    ours = (rgb_to_lightness(from_bytes(rounded)) - lightness).abs()
    assert (ours - torch.stack(moved).amin(dim=0)).max() < 1e-3
    assert ours.mean() < 0.03
    usual = (rgb_to_lightness(from_bytes(to_bytes(rgb))) - lightness).abs()
    assert ours.mean() < 0.4 * usual.mean()
    changed = (rounded.movedim(-1, 1) - 255 * rgb).abs()
    assert changed[:, :2].max() <= 1
    assert changed[:, 2].max() <= MAX_BLUE_SHIFT + 0.5


def test_rounding_finds_the_best_of_all_levels_nearby() -> None:
    rgb = torch.rand(1, 3, 60, 60, generator=torch.Generator().manual_seed(0)) ** 3  # many dark
    lightness = rgb_to_lightness(rgb)
    red, green, blue = (rgb * 255).unbind(dim=1)
    shifts = range(-MAX_BLUE_SHIFT, MAX_BLUE_SHIFT + 1)
    errors = [
        (rgb_to_lightness(torch.stack([r, g, b.clamp(0, 255)], dim=1) / 255) - lightness).abs()
        for r in (red.floor(), red.ceil())
        for g in (green.floor(), green.ceil())
        for b in (blue.round() + shift for shift in shifts)
    ]
    rounded = from_bytes(to_bytes_keeping_lightness(rgb, lightness))
    ours = (rgb_to_lightness(rounded) - lightness).abs()
    assert (ours - torch.stack(errors).amin(dim=0)).max() < 2e-3  # the best is that of luminances


def test_a_margin_keeps_colors_off_the_edge_of_the_gamut_and_grays_the_rest() -> None:
    lab = rgb_to_lab(srgb_corners()[:, :, None])
    margin = 3 / 255
    rgb = lab_to_rgb_in_gamut(lab, margin)
    torch.testing.assert_close(rgb, lab_to_rgb(map_to_gamut(lab, margin)), atol=1e-5, rtol=0)
    torch.testing.assert_close(rgb_to_lightness(rgb), lab[:, :1], atol=2e-3, rtol=0)
    inside = (rgb.amin(dim=1) > margin - 1e-4) & (rgb.amax(dim=1) < 1 - margin + 1e-4)
    gray = gray_rgb(lab[:, :1])[:, 0]
    has_room = (gray > margin) & (gray < 1 - margin)
    assert inside[has_room].all()
    is_gray = rgb.amax(dim=1) - rgb.amin(dim=1) < 1e-4
    assert is_gray[~has_room].all()
    assert (~has_room).any()


def test_rounding_with_lightness_stays_within_bytes() -> None:
    rgb = torch.tensor([-0.001, 0.0, 0.5, 1.0, 1.001])[None, None, None].expand(1, 3, 1, 5)
    rounded = to_bytes_keeping_lightness(rgb, rgb_to_lightness(rgb.clamp(0, 1)))[0, 0]
    for column, level in ((0, 0), (1, 0), (3, 255), (4, 255)):
        assert rounded[column].tolist() == [level] * 3
