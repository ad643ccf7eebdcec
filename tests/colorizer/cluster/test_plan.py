import os
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.cluster.plan import add_lenders, divide, plan_photographs
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.foils import build_donor_ring, iterate_donors
from tests.colorizer.cluster.batches import SETTINGS, collect
from tests.colorizer.pictures import write_pictures


@pytest.fixture
def photographs(tmp_path: Path) -> list[Photograph]:
    write_pictures(tmp_path, 20, side=16)
    return list(collect(tmp_path))


def recipes(photographs: list[Photograph]) -> dict[str, str]:
    return {planned.image: planned.recipe for planned in plan_photographs(photographs, SETTINGS)}


def test_the_lenders_are_the_first_three_donors(photographs: list[Photograph]) -> None:
    planned = plan_photographs(photographs, SETTINGS)
    ring = build_donor_ring(photographs, SETTINGS.seed)
    for photograph, row in zip(photographs, planned, strict=True):
        donors = [str(donor.path) for donor in iterate_donors(ring, photograph)]
        assert row.lenders == donors[:3]
        assert row.has_more_lenders
    (more,) = add_lenders([planned], photographs, SETTINGS)
    assert {(len(row.lenders), row.has_more_lenders) for row in more} == {(12, True)}
    (everybody,) = add_lenders([more], photographs, SETTINGS)
    assert {(len(row.lenders), row.has_more_lenders) for row in everybody} == {(19, False)}
    assert everybody[0].lenders[:12] == more[0].lenders


def test_without_a_foil_nobody_lends(photographs: list[Photograph]) -> None:
    planned = plan_photographs(photographs, replace(SETTINGS, methods=("real",)))
    assert {(len(row.lenders), row.has_more_lenders) for row in planned} == {(0, False)}


def test_a_recipe_depends_on_the_photograph_and_on_its_lenders(
    photographs: list[Photograph],
) -> None:
    before = recipes(photographs)
    assert recipes(photographs) == before
    assert len(set(before.values())) == 20
    lenders = {row.image: row.lenders for row in plan_photographs(photographs, SETTINGS)}
    changed = photographs[7].path
    os.utime(changed, (1e9, 1e9))
    after = recipes(photographs)
    renewed = {image for image in before if after[image] != before[image]}
    assert renewed == {"07"} | {image for image in lenders if str(changed) in lenders[image]}
    assert len(renewed) == 4


def test_a_recipe_depends_on_every_setting(photographs: list[Photograph]) -> None:
    with_l2 = replace(SETTINGS, methods=("real", "foil", "l2"))
    settings = [
        SETTINGS,
        replace(SETTINGS, size=32),
        replace(SETTINGS, methods=("foil", "real")),
        with_l2,
        replace(with_l2, checkpoints={"l2": "0123"}),
    ]
    planned = [plan_photographs(photographs, each)[0].recipe for each in settings]
    assert len(set(planned)) == len(settings)


def test_parts_have_the_photographs_in_order(photographs: list[Photograph]) -> None:
    planned = plan_photographs(photographs, SETTINGS)
    parts = list(divide(planned, 8))
    assert [len(part) for part in parts] == [8, 8, 4]
    assert [row for part in parts for row in part] == planned
