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

from study_server.stimuli.perception import compute_lightness, find_similar_hashes, is_gray
from study_server.stimuli.png import Pixels
from study_server.vocabulary import REAL_METHOD

MIN_EQUAL_SHARE = 0.99  # of the pixels: a few may be clipped
MAX_LIGHTNESS_DIFFERENCE = 1.0  # of 100: smaller differences are rounding
MAX_CHANNEL_DIFFERENCE = 2  # of 255 in every channel: what a round trip through Lab may change
MAX_FINDINGS_PRINTED = 5  # findings of a kind that are printed


class AuditFinding(NamedTuple):
    """One confound in one line; what is refused cannot be accepted."""

    confound: str
    message: str
    is_refused: bool = False


def audit_image(
    image: str, pixels: Mapping[str, Pixels], is_recolored: bool
) -> Iterator[AuditFinding]:
    """A photograph against its fakes.

    pixels: by method, all of one size. is_recolored: whether fakes may differ in chroma only.
    """
    real = pixels.get(REAL_METHOD)
    if real is None:
        return
    fakes = {f"{method} of {image}": p for method, p in pixels.items() if method != REAL_METHOD}
    yield from check_grayness(image, real, fakes.values())
    if is_recolored:
        lightness = compute_lightness(real)
        for name, fake in fakes.items():
            yield from check_lightness(name, lightness, compute_lightness(fake))
            yield from check_colors(name, real, fake)


def audit_collection(
    digests: Mapping[tuple[str, str], bytes], hashes: Mapping[str, int], practice: bool
) -> Iterator[AuditFinding]:
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


def check_grayness(image: str, real: Pixels, fakes: Iterable[Pixels]) -> Iterator[AuditFinding]:
    """A photograph without colors gives itself away beside a fake that has some."""
    if is_gray(real) and not all(is_gray(fake) for fake in fakes):
        yield AuditFinding("gray", f"{image} is a gray photograph, its fakes are in color")


def check_lightness(
    name: str, real: NDArray[np.float32], fake: NDArray[np.float32]
) -> Iterator[AuditFinding]:
    """L (H, W) twice: under other colors it stays what it is."""
    off = float(np.mean(np.abs(real - fake) > MAX_LIGHTNESS_DIFFERENCE))
    if off > 1 - MIN_EQUAL_SHARE:
        yield AuditFinding(
            "lightness", f"{name} has another lightness than its photograph on {off:.1%} of pixels"
        )


def check_colors(name: str, real: Pixels, fake: Pixels) -> Iterator[AuditFinding]:
    """Where a fake has its photograph's colors there is nothing to tell apart."""
    change = np.maximum(real, fake) - np.minimum(real, fake)
    same = float(np.mean(change <= MAX_CHANNEL_DIFFERENCE))
    # a fake that is its photograph is refused elsewhere
    if same >= MIN_EQUAL_SHARE and change.any():
        yield AuditFinding(
            "unchanged", f"{name} has the colors of its photograph: nothing is faked"
        )


def find_equals(
    digests: Mapping[tuple[str, str], bytes], consequence: str
) -> Iterator[AuditFinding]:
    """Stimuli that are the same pixel for pixel."""
    images_by_digest: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    # photographs first
    for stimulus in sorted(digests, key=lambda stimulus: stimulus[1] != REAL_METHOD):
        images_by_digest[digests[stimulus]].append(stimulus)
    for (image, method), *others in images_by_digest.values():
        for other, fake in others:
            if fake == REAL_METHOD:
                yield AuditFinding(
                    "duplicate", f"{image} and {other} are one photograph: {consequence}"
                )
            elif method == REAL_METHOD:
                yield AuditFinding(
                    "identical", f"{fake} of {other} is the photograph {image}", True
                )
            else:
                line = f"{method} of {image} and {fake} of {other} are one image"
                yield AuditFinding("equal fakes", line)


def find_near_duplicates(
    digests: Mapping[tuple[str, str], bytes], hashes: Mapping[str, int], overlap: str
) -> Iterator[AuditFinding]:
    """Photographs that look alike, such as one picture twice compressed."""
    images = list(hashes)
    for i, j in find_similar_hashes(hashes.values()):
        first, second = images[i], images[j]
        if digests[first, REAL_METHOD] != digests[second, REAL_METHOD]:
            yield AuditFinding("near-duplicate", f"{first} and {second} look alike: {overlap}")


def find_training_images(splits: Mapping[str, str]) -> Iterator[AuditFinding]:
    """splits: by image; a model may have learned the colors of a training photograph by heart."""
    trained = sum(split == "train" for split in splits.values())
    if trained:
        line = f"{trained} photographs are of the train split: the models have seen them"
        yield AuditFinding("trained", line)


def format_findings(findings: Iterable[AuditFinding]) -> list[str]:
    """A line each, refusals first; of every kind a few, then how many more there are."""
    kinds: dict[str, list[AuditFinding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda finding: not finding.is_refused):
        kinds[finding.confound].append(finding)
    lines = []
    for kind, findings_of_kind in kinds.items():
        word = f"{'refused' if findings_of_kind[0].is_refused else 'warning'}: {kind}"
        lines += [
            f"{word}: {finding.message}" for finding in findings_of_kind[:MAX_FINDINGS_PRINTED]
        ]
        if len(findings_of_kind) > MAX_FINDINGS_PRINTED:
            lines.append(f"{word}: and {len(findings_of_kind) - MAX_FINDINGS_PRINTED} more")
    return [" ".join(line.split()) for line in lines]  # whatever an image is called


def hash_pixels(pixels: Pixels) -> bytes:
    """What equal pixels share."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
