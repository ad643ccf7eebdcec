from dataclasses import replace

import torch

from colorizer.splits.split_file import Photograph
from colorizer.stimuli.foils import build_donor_ring, iterate_donors, swap_chroma

ROWS = [Photograph("/p", str(n), f"{n}.jpg", "test", False, str(n)) for n in range(50)]


def choices(photographs: list[Photograph], seed: int) -> dict[str, str]:
    ring = build_donor_ring(photographs, seed)
    return {p.image: next(iterate_donors(ring, p)).image for p in photographs}


def test_every_photograph_is_a_donor_once_and_never_its_own() -> None:
    chosen = choices(ROWS, seed=0)
    assert sorted(chosen.values()) == sorted(chosen)
    assert all(image != donor for image, donor in chosen.items())


def test_donors_depend_only_on_the_seed_and_the_ids() -> None:
    assert choices(ROWS, seed=0) == choices(ROWS[::-1], seed=0)
    assert choices(ROWS, seed=0) != choices(ROWS, seed=1)


def test_an_additional_photograph_changes_one_donor() -> None:
    before, after = choices(ROWS[:-1], seed=0), choices(ROWS, seed=0)
    assert sum(before[image] != after[image] for image in before) == 1


def test_donors_are_never_of_the_same_group() -> None:
    grouped = [replace(row, group=str(int(row.image) % 3)) for row in ROWS]
    ring = build_donor_ring(grouped, seed=0)
    for photograph in grouped:
        assert all(donor.group != photograph.group for donor in iterate_donors(ring, photograph))
    assert not list(iterate_donors(build_donor_ring(ROWS[:1], seed=0), ROWS[0]))


def test_a_foil_has_its_own_lightness_and_the_donors_colors() -> None:
    lab, donor = torch.randn(2, 1, 3, 4, 4)
    foil = swap_chroma(lab, donor)
    assert torch.equal(foil[:, :1], lab[:, :1])
    assert torch.equal(foil[:, 1:], donor[:, 1:])
