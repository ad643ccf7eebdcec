"""Every confound, planted and found; and what the audit lets pass."""

import numpy as np
import pytest
from numpy.typing import NDArray

from study_server.stimuli.audit import (
    AuditFinding,
    audit_collection,
    audit_image,
    find_format_differences,
    find_training_images,
    format_findings,
    hash_pixels,
)
from study_server.stimuli.perception import perceptual_hash
from tests.conftest import recolor

Pixels = NDArray[np.uint8]

RNG = np.random.default_rng(0)
LUMINANCE = RNG.uniform(0.3, 0.5, (40, 40))
REAL, FAKE, FOIL = (recolor(LUMINANCE, RNG) for _ in range(3))
GRAY = np.repeat(REAL[..., 1:2], 3, axis=2)


def audit(recolored: bool = True, **pixels: Pixels) -> list[AuditFinding]:
    return list(audit_image("dog", {"real": REAL} | pixels, recolored))


def brighten(pixels: Pixels, share: float) -> Pixels:
    """A tenth brighter in this share of the lines."""
    changed = pixels.copy()
    lines = round(share * len(pixels))
    changed[:lines] = (changed[:lines] * 1.1).clip(0, 255)
    return changed


def test_other_colors_of_the_same_lightness_pass() -> None:
    assert audit(mcl=FAKE, foil=FOIL) == []


def test_another_lightness_is_found() -> None:
    (finding,) = audit(mcl=brighten(FAKE, 0.5), foil=FOIL)
    assert finding.confound == "lightness"
    assert not finding.is_refused
    assert finding.message == (
        "mcl of dog differs in lightness from its photograph in 50.0% of pixels"
    )


def test_a_few_pixels_of_another_lightness_pass() -> None:
    spotted = FAKE.copy()
    spotted[0, :15] = 255  # of 1600: 0.9 %
    assert audit(mcl=spotted) == []
    spotted[0, :17] = 255
    assert [finding.confound for finding in audit(mcl=spotted)] == ["lightness"]


def test_stimuli_that_are_not_recolored_may_differ_in_anything() -> None:
    assert audit(recolored=False, gan=brighten(FAKE, 1)) == []


def test_colors_that_do_not_differ_are_found() -> None:
    rounded = np.where(REAL < 254, REAL + 2, REAL).astype(np.uint8)
    rounded[0] = REAL[0]
    found = {finding.confound for finding in audit(mcl=rounded)}
    assert "unchanged" in found
    assert "unchanged" not in {finding.confound for finding in audit(mcl=FAKE)}


def test_a_gray_photograph_beside_colored_fakes_is_found() -> None:
    luma = np.repeat(GRAY[..., :1], 3, axis=2)
    for recolored in (True, False):
        found = audit_image("dog", {"real": luma, "mcl": FAKE}, recolored)
        assert "dog is a gray photograph, but its fakes have color" in [f.message for f in found]


def test_gray_photographs_with_gray_fakes_pass() -> None:
    darker = (GRAY * 0.9).astype(np.uint8)
    assert list(audit_image("scan", {"real": GRAY, "gan": darker}, is_recolored=False)) == []


def collect(practice: bool = True, **images: dict[str, Pixels]) -> list[AuditFinding]:
    digests = {(image, m): hash_pixels(p) for image, of in images.items() for m, p in of.items()}
    hashes = {image: perceptual_hash(of["real"]) for image, of in images.items()}
    return list(audit_collection(digests, hashes, practice))


def other() -> dict[str, Pixels]:
    luminance = RNG.uniform(0.3, 0.5, (40, 40))
    return {method: recolor(luminance, RNG) for method in ("real", "mcl", "foil")}


def test_different_photographs_pass() -> None:
    assert collect(a=other(), b=other(), c=other()) == []


@pytest.mark.parametrize("method", ["mcl", "foil"])
def test_a_fake_that_is_its_photograph_is_refused(method: str) -> None:
    dog = other()
    (finding,) = collect(dog=dog | {method: dog["real"]}, cat=other())
    assert finding == AuditFinding(
        "identical", f"{method} of dog is identical to the photograph dog", is_refused=True
    )


def test_a_fake_that_is_another_photograph_is_refused() -> None:
    dog = other()
    (finding,) = collect(cat=other() | {"mcl": dog["real"]}, dog=dog)
    assert finding == AuditFinding(
        "identical", "mcl of cat is identical to the photograph dog", is_refused=True
    )


def test_the_same_photograph_twice_is_found() -> None:
    dog, cat = other(), other()
    (finding,) = collect(dog=dog, cat=cat | {"real": dog["real"]})
    assert finding == AuditFinding(
        "duplicate",
        "dog and cat are the same photograph: the same participant may see one in practice and the "
        "other in the test",
    )


def test_without_practice_it_says_that_a_person_may_see_both() -> None:
    dog, cat = other(), other()
    (finding,) = collect(practice=False, dog=dog, cat=cat | {"real": dog["real"]})
    assert (
        finding.message == "dog and cat are the same photograph: the same participant may see both"
    )


def test_a_near_duplicate_is_found_once() -> None:
    dog = other()
    copy = {method: (pixels * 0.97).astype(np.uint8) for method, pixels in dog.items()}
    (finding,) = collect(dog=dog, copy=copy, cat=other())
    assert finding.confound == "near-duplicate"
    assert finding.message.startswith(
        "dog and copy look alike: the same participant may see one in practice"
    )


def test_two_methods_with_one_image_are_found() -> None:
    dog = other()
    (finding,) = collect(dog=dog | {"l2": dog["mcl"]})
    assert finding == AuditFinding("equal fakes", "mcl of dog and l2 of dog are the same image")


def test_methods_in_different_file_formats_are_found() -> None:
    same = {"real": {"PNG", "JPEG"}, "gan": {"JPEG", "PNG"}}
    assert list(find_format_differences(same)) == []
    (finding,) = find_format_differences({"real": {"JPEG"}, "gan": {"PNG"}, "foil": {"JPEG"}})
    assert finding == AuditFinding(
        "format", "the methods differ in their file formats (foil: JPEG, gan: PNG, real: JPEG)"
    )


def test_photographs_of_the_train_split_are_found() -> None:
    assert list(find_training_images({"dog": "test", "cat": "val"})) == []
    (finding,) = find_training_images({"dog": "train", "cat": "test", "cow": "train"})
    assert (
        finding.message == "2 photographs are in the training split, so the models have seen them"
    )


def test_findings_are_a_line_each_and_not_too_many() -> None:
    many = [AuditFinding("lightness", f"image {n}") for n in range(12)]
    lines = format_findings([*many, AuditFinding("identical", "a\nb", is_refused=True)])
    assert lines[0] == "refused: identical: a b"
    assert lines[1:6] == [f"warning: lightness: image {n}" for n in range(5)]
    assert lines[6:] == ["warning: lightness: and 7 more"]
