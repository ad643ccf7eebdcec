"""A protocol is fitted to the methods and the number of the images."""

import pytest

from study_server.creation.protocol_fit import fit_protocol
from study_server.errors import StudyError
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol

# The fewest images of which a study by a preset can be made; otherwise 2.
FEWEST = {"saharia": 1, "hype_time": 1, "exposure": 3, "acr": 3, "dcr": 3}
MANY = [f"image-{number}" for number in range(600)]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits_many_images(preset: str) -> None:
    protocol = create_protocol("mine", preset)
    names = {"real", "foil", "l2", "mcl", "mcl-annealed", "zhang2016", "gray"}
    if not protocol.reference:
        names.remove("gray")
    fitted, changes = fit_protocol(protocol, dict.fromkeys(sorted(names), MANY))
    assert set(fitted.methods) == {"l2", "mcl", "mcl-annealed", "zhang2016", "gray"} - {
        "" if "gray" in names and protocol.reference != "gray" else "gray"
    }
    assert (fitted.trials, fitted.practice) == (protocol.trials, protocol.practice)
    foils = [] if protocol.attention_checks else ["The folder foil is not used"]
    assert [change.partition(",")[0] for change in changes] == foils


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_every_preset_fits_two_folders_with_few_images(preset: str, count: int) -> None:
    pools = {"real": MANY[:count], "gan": MANY[:count]}
    protocol = create_protocol("mine", preset)
    if preset == "ranking":
        with pytest.raises(StudyError, match="needs 3 to 6; add methods, or choose another preset"):
            fit_protocol(protocol, pools)
        return
    if count < FEWEST.get(preset, 2):
        with pytest.raises(StudyError, match="too few for any study; add images"):
            fit_protocol(protocol, pools)
        return
    fitted, changes = fit_protocol(protocol, pools)
    assert fitted.methods == ("gan",)
    assert fitted.attention_checks == 0
    assert fitted.trials < protocol.trials
    assert any(f"{fitted.trials} trials per participant" in change for change in changes)


def test_the_photograph_makes_two_methods_enough_for_a_ranking() -> None:
    pools = dict.fromkeys(("real", "a", "b"), MANY)
    fitted, changes = fit_protocol(create_protocol("mine", "ranking"), pools)
    assert (fitted.include_real, fitted.candidates) == (True, 3)
    assert "The photograph competes too, because there are so few methods." in changes


def test_the_order_of_the_methods_stays_and_new_ones_follow() -> None:
    protocol = create_protocol("mine", "within").model_copy(update={"methods": ("mcl", "l2")})
    pools = dict.fromkeys(("real", "foil", "a", "l2", "mcl"), MANY)
    assert fit_protocol(protocol, pools).protocol.methods == ("mcl", "l2", "a")


def test_a_single_method_competes_with_the_photograph() -> None:
    protocol = create_protocol("mine", "pairwise")
    fitted, changes = fit_protocol(protocol, {"real": MANY, "gan": MANY})
    assert (fitted.include_real, fitted.candidates) == (True, 2)
    assert "The photograph competes too, because there are so few methods." in changes


def test_what_was_turned_off_is_said() -> None:
    protocol = create_protocol("mine", "best_of_n")
    fitted, changes = fit_protocol(protocol, {"real": MANY, "a": MANY, "b": MANY})
    assert (fitted.candidates, fitted.reference, fitted.attention_checks) == (2, "", 0)
    assert changes == [
        "There are no attention checks, because they need the folders real and foil.",
        "There is no reference, because there is no folder gray.",
        "A trial shows 2 images.",
    ]


@pytest.mark.parametrize("pools", [{}, {"real": MANY}, {"real": MANY, "foil": MANY}])
def test_without_a_method_there_is_no_study(pools: dict[str, list[str]]) -> None:
    with pytest.raises(StudyError, match="there is no method to study"):
        fit_protocol(create_protocol("mine"), pools)
