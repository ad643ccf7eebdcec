"""Groups of images: rates of each, the difference from the others, Holm over the whole table."""

import numpy as np
import pytest

from analysis.inference.contrasts import compare_methods, holm
from analysis.inference.rates import fooling_rates
from analysis.inference.subgroups import compare_subgroups
from analysis.trials import Trials
from tests.analysis.studies import METHODS, make_trials, read_crossed

NAMES = [f"{'indoor' if code % 3 else 'outdoor'}/img{code:04d}" for code in range(200)]


def test_a_group_differs_from_the_others_as_two_methods_do() -> None:
    crossed = read_crossed()
    mcl = crossed.only(crossed.method == "mcl")
    folder = np.array([name.partition("/")[0] for name in NAMES])[mcl.image]
    as_methods = Trials(mcl.fooled, mcl.participant, mcl.image, folder)
    rates = fooling_rates(as_methods, ("indoor", "outdoor"))
    expected = compare_methods(as_methods, rates)[0]
    indoor, outdoor = compare_subgroups(mcl, ["mcl"], NAMES)
    assert (indoor.group, indoor.method, indoor.rate) == ("indoor", "mcl", rates["indoor"])
    assert indoor.difference
    assert outdoor.difference
    assert (indoor.difference.difference, indoor.difference.se) == pytest.approx(
        (expected.difference, expected.se)
    )
    assert outdoor.difference.difference == pytest.approx(-expected.difference)


def test_holm_is_over_all_methods_and_groups() -> None:
    found = compare_subgroups(read_crossed(), METHODS, NAMES)
    assert [(one.method, one.group) for one in found] == [
        (method, group) for method in METHODS for group in ("indoor", "outdoor")
    ]
    raw = [one.difference.p if one.difference else None for one in found]
    assert [one.p_holm for one in found] == holm(raw)


def test_a_kind_of_image_that_fools_more_is_found() -> None:
    rng = np.random.default_rng(0)
    people, images = np.divmod(np.arange(4000), 40)
    images = (images * 5 + people) % 200
    chance = np.where(images % 3 > 0, 0.2, 0.4)
    trials = Trials(rng.random(4000) < chance, people, images, np.full(4000, "m"))
    indoor, outdoor = compare_subgroups(trials, ["m"], NAMES)
    assert indoor.p_holm is not None
    assert indoor.p_holm < 0.001
    assert outdoor.rate.rate == pytest.approx(0.4, abs=0.05)


def test_images_of_one_folder_or_of_one_each_have_no_groups() -> None:
    crossed = read_crossed()
    assert compare_subgroups(crossed, METHODS, [f"img{code}" for code in range(200)]) == []
    assert compare_subgroups(crossed, METHODS, [f"{code}/img" for code in range(200)]) == []


def test_a_folder_alone_with_trials_has_a_rate_and_no_difference() -> None:
    trials = make_trials((0, 1, "m", True), (1, 1, "m", False), (1, 2, "m", False))
    (only,) = compare_subgroups(trials, ["m", "never-shown"], NAMES)
    assert (only.group, only.rate.trials, only.difference) == ("indoor", 3, None)
