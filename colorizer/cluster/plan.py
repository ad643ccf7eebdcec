"""Plan a batch: where each photograph is, whose colors its foil gets, and what it depends on."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from colorizer.object_storage import Storage, StoredFile, find_file, is_url, join
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.foils import DonorRing, build_donor_ring, iterate_donors
from colorizer.stimuli.rendering import StimulusSettings

FIRST_LENDERS = 3
MORE_LENDERS = 4  # times as many, if none of the first can be used
# Multiples of rendering.PHOTOS_PER_BATCH. At most one part for each worker is lost if a node dies.
PHOTOS_PER_PART = {"cpu": 32, "cuda": 128}


class PlannedPhotograph(NamedTuple):
    """A photograph, with all that a worker needs to make its stimuli.

    image, file, split: as in split.csv. source: its path or URL. lenders: the paths or URLs of the
    photographs that can lend their colors to its foil, best choice first. has_more_lenders: others
    follow these. recipe: a digest of the settings and of the photographs, by which finished stimuli
    are recognized.
    """

    image: str
    file: str
    split: str
    source: str
    lenders: list[str]
    has_more_lenders: bool
    recipe: str


Part = list[PlannedPhotograph]


def plan_photographs(
    photographs: Sequence[Photograph], settings: StimulusSettings
) -> list[PlannedPhotograph]:
    """Plan every photograph, in order; without `foil`, nobody lends colors.

    A recipe changes with the settings, and with the place, the size and the time of the photograph
    and of its first three lenders.
    """
    ring = build_donor_ring(photographs if "foil" in settings.methods else (), settings.seed)
    files = _find_files(photographs)
    shared = json.dumps([(method, settings.fingerprint(method)) for method in settings.methods])
    planned = []
    for photograph in photographs:
        lenders, has_more = _choose_lenders(ring, photograph, FIRST_LENDERS)
        source = _locate(photograph)
        states = [files.get(place) for place in (source, *lenders)]
        content = json.dumps([shared, photograph.image, photograph.split, states])
        recipe = hashlib.sha256(content.encode()).hexdigest()[:32]
        planned.append(
            PlannedPhotograph(
                image=photograph.image,
                file=photograph.file,
                split=photograph.split,
                source=source,
                lenders=lenders,
                has_more_lenders=has_more,
                recipe=recipe,
            )
        )
    return planned


def add_lenders(
    parts: Iterable[Part], photographs: Sequence[Photograph], settings: StimulusSettings
) -> list[Part]:
    """Return the parts with four times as many lenders for each photograph."""
    ring = build_donor_ring(photographs, settings.seed)
    by_image = {photograph.image: photograph for photograph in photographs}

    def extend(planned: PlannedPhotograph) -> PlannedPhotograph:
        count = MORE_LENDERS * len(planned.lenders)
        lenders, has_more = _choose_lenders(ring, by_image[planned.image], count)
        return planned._replace(lenders=lenders, has_more_lenders=has_more)

    return [[extend(planned) for planned in part] for part in parts]


def divide(planned: Iterable[PlannedPhotograph], photos_per_part: int) -> Iterator[Part]:
    """Yield the photographs in parts of this size, in order."""
    remaining = iter(planned)
    return iter(lambda: list(islice(remaining, photos_per_part)), [])


def _locate(photograph: Photograph) -> str:
    return join(photograph.root, photograph.file)


def _choose_lenders(ring: DonorRing, photograph: Photograph, count: int) -> tuple[list[str], bool]:
    """Return the places of the first `count` donors, and True if there are others."""
    if photograph.image not in ring.positions:
        return [], False
    donors = iterate_donors(ring, photograph)
    return [_locate(donor) for donor in islice(donors, count)], next(donors, None) is not None


def _find_files(photographs: Sequence[Photograph]) -> Mapping[str, StoredFile]:
    """Return the file of each photograph that exists, by its path or URL."""
    files: dict[str, StoredFile] = {}
    for root in {photograph.root for photograph in photographs if is_url(photograph.root)}:
        files |= {file.place: file for file in Storage(root).list().values()}
    for place in (_locate(each) for each in photographs if not is_url(each.root)):
        file = find_file(place)
        if file is not None:
            files[place] = file
    return files
