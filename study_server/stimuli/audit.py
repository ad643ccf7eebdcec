"""Audit stimuli for confounds: differences other than color that could give a fake away.

The functions depend on pixels alone. Size, mode and bit depth are checked when a stimulus is read.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from study_server.counts import format_count
from study_server.stimuli.perception import compute_lightness, find_similar_hashes, is_gray
from study_server.stimuli.png import Pixels
from study_server.vocabulary import REAL_METHOD

MIN_EQUAL_SHARE = 0.99  # share of the pixels; a few may be clipped
MAX_LIGHTNESS_DIFFERENCE = 1.0  # L is in [0, 100]; smaller differences are rounding
MAX_CHANNEL_DIFFERENCE = 2  # levels in every channel; a round trip through Lab may change as much
MAX_FINDINGS_PRINTED = 5  # of a kind


@dataclass(frozen=True)
class AuditFinding:
    """A confound in one line of text. A refused one cannot be accepted by the researcher.

    stimuli: the (image, method) of each stimulus that the message is about.
    """

    confound: str
    message: str
    is_refused: bool = False
    stimuli: tuple[tuple[str, str], ...] = field(default=(), compare=False)


def audit_image(
    image: str, pixels: Mapping[str, Pixels], is_recolored: bool
) -> Iterator[AuditFinding]:
    """Compare a photograph with its fakes.

    pixels: by method, all of the same size. is_recolored: whether fakes may differ only in chroma.
    """
    real = pixels.get(REAL_METHOD)
    if real is None:
        return
    fakes = {method: fake for method, fake in pixels.items() if method != REAL_METHOD}
    shown = tuple((image, method) for method in (REAL_METHOD, *fakes))
    for finding in check_grayness(image, real, fakes.values()):
        yield replace(finding, stimuli=shown)
    if not is_recolored:
        return
    lightness = compute_lightness(real)
    for method, fake in fakes.items():
        name, pair = f"{method} of {image}", ((image, REAL_METHOD), (image, method))
        for finding in (
            *check_lightness(name, lightness, compute_lightness(fake)),
            *check_colors(name, real, fake),
        ):
            yield replace(finding, stimuli=pair)


def audit_collection(
    digests: Mapping[tuple[str, str], bytes], hashes: Mapping[str, int], practice: bool
) -> Iterator[AuditFinding]:
    """Compare all stimuli with each other.

    digests: hashes of the pixels, by image and method. hashes: perceptual hashes of the
    photographs, by image. practice: whether the study has practice trials.
    """
    consequence = (
        "the same participant may see one in practice and the other in the test"
        if practice
        else "the same participant may see both"
    )
    yield from find_equals(digests, consequence)
    yield from find_near_duplicates(digests, hashes, consequence)


def check_grayness(image: str, real: Pixels, fakes: Iterable[Pixels]) -> Iterator[AuditFinding]:
    """Yield a finding if a gray photograph has a fake with colors, which gives the fake away."""
    if is_gray(real) and not all(is_gray(fake) for fake in fakes):
        yield AuditFinding("gray", f"{image} is a gray photograph, but its fakes have color")


def check_lightness(
    name: str, real: NDArray[np.float32], fake: NDArray[np.float32]
) -> Iterator[AuditFinding]:
    """Yield a finding if a fake changes the lightness L, given as two (H, W) arrays."""
    off = float(np.mean(np.abs(real - fake) > MAX_LIGHTNESS_DIFFERENCE))
    if off > 1 - MIN_EQUAL_SHARE:
        yield AuditFinding(
            "lightness", f"{name} differs in lightness from its photograph in {off:.1%} of pixels"
        )


def check_colors(name: str, real: Pixels, fake: Pixels) -> Iterator[AuditFinding]:
    """Yield a finding if a fake has the same colors as its photograph."""
    change = np.maximum(real, fake) - np.minimum(real, fake)
    same = float(np.mean(change <= MAX_CHANNEL_DIFFERENCE))
    if same >= MIN_EQUAL_SHARE and change.any():  # identical fakes are refused below
        yield AuditFinding(
            "unchanged", f"{name} has the same colors as its photograph, so nothing is fake"
        )


def find_equals(
    digests: Mapping[tuple[str, str], bytes], consequence: str
) -> Iterator[AuditFinding]:
    """Yield a finding for each stimulus that equals an earlier one pixel for pixel.

    consequence: end of the message, for two photographs.
    """
    images_by_digest: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for stimulus in sorted(
        digests, key=lambda stimulus: stimulus[1] != REAL_METHOD
    ):  # photographs first
        images_by_digest[digests[stimulus]].append(stimulus)
    for (image, method), *others in images_by_digest.values():
        for other, fake in others:
            stimuli = ((image, method), (other, fake))
            if fake == REAL_METHOD:
                message = f"{image} and {other} are the same photograph: {consequence}"
                yield AuditFinding("duplicate", message, stimuli=stimuli)
            elif method == REAL_METHOD:
                message = f"{fake} of {other} is identical to the photograph {image}"
                yield AuditFinding("identical", message, True, stimuli)
            else:
                message = f"{method} of {image} and {fake} of {other} are the same image"
                yield AuditFinding("equal fakes", message, stimuli=stimuli)


def find_near_duplicates(
    digests: Mapping[tuple[str, str], bytes], hashes: Mapping[str, int], consequence: str
) -> Iterator[AuditFinding]:
    """Yield photographs that look alike, such as one photograph in two compressions."""
    images = list(hashes)
    for i, j in find_similar_hashes(hashes.values()):
        first, second = images[i], images[j]
        if digests[first, REAL_METHOD] != digests[second, REAL_METHOD]:
            message = f"{first} and {second} look alike: {consequence}"
            stimuli = ((first, REAL_METHOD), (second, REAL_METHOD))
            yield AuditFinding("near-duplicate", message, stimuli=stimuli)


def find_format_differences(formats: Mapping[str, set[str]]) -> Iterator[AuditFinding]:
    """Yield a finding if methods come in different file formats, whose compression can be seen.

    formats: the formats of each method's files.
    """
    if len({frozenset(names) for names in formats.values()}) > 1:
        listed = ", ".join(
            f"{method}: {' and '.join(sorted(names))}" for method, names in sorted(formats.items())
        )
        yield AuditFinding("format", f"the methods differ in their file formats ({listed})")


def find_training_images(splits: Mapping[str, str]) -> Iterator[AuditFinding]:
    """Yield a finding if photographs are in the training split, whose colors a model has learned.

    splits: the split of each image.
    """
    trained = sum(split == "train" for split in splits.values())
    if trained:
        photographs = format_count(trained, "photograph is", "photographs are")
        seen = "it" if trained == 1 else "them"
        message = f"{photographs} in the training split, so the models have seen {seen}"
        yield AuditFinding("trained", message)


def format_findings(findings: Iterable[AuditFinding]) -> list[str]:
    """Return the findings as lines, refusals first.

    A few findings of each kind are listed, followed by the number of others.
    """
    kinds: dict[str, list[AuditFinding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda finding: not finding.is_refused):
        kinds[finding.confound].append(finding)
    lines = []
    for kind, findings_of_kind in kinds.items():
        label = f"{'refused' if findings_of_kind[0].is_refused else 'warning'}: {kind}"
        printed = findings_of_kind[:MAX_FINDINGS_PRINTED]
        lines += [f"{label}: {finding.message}" for finding in printed]
        if len(findings_of_kind) > len(printed):
            lines.append(f"{label}: and {len(findings_of_kind) - len(printed)} more")
    return [" ".join(line.split()) for line in lines]  # an image's name may contain line breaks


def hash_pixels(pixels: Pixels) -> bytes:
    """Return a hash of the pixels and their shape."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
