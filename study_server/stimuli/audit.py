"""The confound audit: what else than its colors could tell a fake from its photograph?

Pure functions of pixels. Size, mode and bit depth are not here: a stimulus that differs in them is
not read in the first place.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from study_server.stimuli.perception import find_lightness, is_gray, near_pairs
from study_server.stimuli.png import Pixels
from study_server.vocabulary import REAL

SHARE = 0.99  # of the pixels: a few may be clipped
LIGHTNESS = 1.0  # of 100: smaller differences are rounding
COLOR = 2  # of 255 in every channel: what a round trip through Lab may change
SHOWN = 5  # findings of a kind that are printed


class Finding(NamedTuple):
    """One confound in one line; what is refused cannot be accepted."""

    confound: str
    line: str
    refused: bool = False


def audit_photograph(
    image: str, pixels: Mapping[str, Pixels], recolored: bool
) -> Iterator[Finding]:
    """A photograph against its fakes.

    pixels: by method, all of one size. recolored: whether fakes may differ in chroma only.
    """
    real = pixels.get(REAL)
    if real is None:
        return
    fakes = {f"{method} of {image}": p for method, p in pixels.items() if method != REAL}
    yield from compare_grayness(image, real, fakes.values())
    if recolored:
        lightness = find_lightness(real)
        for name, fake in fakes.items():
            yield from compare_lightness(name, lightness, find_lightness(fake))
            yield from compare_colors(name, real, fake)


def audit_collection(
    digests: Mapping[tuple[str, str], bytes], hashes: Mapping[str, int], practice: bool
) -> Iterator[Finding]:
    """All stimuli against each other.

    digests: of the pixels, by image and method. hashes: perceptual, of the photographs.
    practice: whether people practise on photographs before they are tested on others.
    """
    overlap = (
        "one person may practise on one and be tested on the other"
        if practice
        else "one person may see both"
    )
    yield from find_equals(digests, overlap)
    yield from find_near_duplicates(digests, hashes, overlap)


def compare_grayness(image: str, real: Pixels, fakes: Iterable[Pixels]) -> Iterator[Finding]:
    """A photograph without colors gives itself away beside a fake that has some."""
    if is_gray(real) and not all(is_gray(fake) for fake in fakes):
        yield Finding("gray", f"{image} is a gray photograph, its fakes are in color")


def compare_lightness(
    name: str, real: NDArray[np.float32], fake: NDArray[np.float32]
) -> Iterator[Finding]:
    """L (H, W) twice: under other colors it stays what it is."""
    off = float(np.mean(np.abs(real - fake) > LIGHTNESS))
    if off > 1 - SHARE:
        yield Finding(
            "lightness", f"{name} has another lightness than its photograph on {off:.1%} of pixels"
        )


def compare_colors(name: str, real: Pixels, fake: Pixels) -> Iterator[Finding]:
    """Where a fake has its photograph's colors there is nothing to tell apart."""
    change = np.maximum(real, fake) - np.minimum(real, fake)
    same = float(np.mean(change <= COLOR))
    if same >= SHARE and change.any():  # a fake that is its photograph is refused elsewhere
        yield Finding("unchanged", f"{name} has the colors of its photograph: nothing is faked")


def find_equals(digests: Mapping[tuple[str, str], bytes], overlap: str) -> Iterator[Finding]:
    """Stimuli that are the same pixel for pixel."""
    twins: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for stimulus in sorted(digests, key=lambda stimulus: stimulus[1] != REAL):  # photographs first
        twins[digests[stimulus]].append(stimulus)
    for (image, method), *others in twins.values():
        for other, fake in others:
            if fake == REAL:
                yield Finding("duplicate", f"{image} and {other} are one photograph: {overlap}")
            elif method == REAL:
                yield Finding("identical", f"{fake} of {other} is the photograph {image}", True)
            else:
                line = f"{method} of {image} and {fake} of {other} are one image"
                yield Finding("equal fakes", line)


def find_near_duplicates(
    digests: Mapping[tuple[str, str], bytes], hashes: Mapping[str, int], overlap: str
) -> Iterator[Finding]:
    """Photographs that look alike, such as one picture twice compressed."""
    images = list(hashes)
    for i, j in near_pairs(hashes.values()):
        first, second = images[i], images[j]
        if digests[first, REAL] != digests[second, REAL]:
            yield Finding("near-duplicate", f"{first} and {second} look alike: {overlap}")


def find_trained(splits: Mapping[str, str]) -> Iterator[Finding]:
    """splits: by image; a model may have learned the colors of a training photograph by heart."""
    trained = sum(split == "train" for split in splits.values())
    if trained:
        line = f"{trained} photographs are of the train split: the models have seen them"
        yield Finding("trained", line)


def describe(findings: Iterable[Finding]) -> list[str]:
    """A line each, refusals first; of every kind a few, then how many more there are."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda finding: not finding.refused):
        kinds[finding.confound].append(finding)
    lines = []
    for kind, found in kinds.items():
        word = f"{'refused' if found[0].refused else 'warning'}: {kind}"
        lines += [f"{word}: {finding.line}" for finding in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"{word}: and {len(found) - SHOWN} more")
    return [" ".join(line.split()) for line in lines]  # whatever an image is called


def digest(pixels: Pixels) -> bytes:
    """What equal pixels share."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
