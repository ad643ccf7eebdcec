"""Batches of drawn photographs, without networks, and an engine that makes one part at a time."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from colorizer.cluster.batch import ClusterBatch
from colorizer.cluster.part_maker import PartMaker
from colorizer.cluster.plan import Part
from colorizer.photos.reading import Refusal
from colorizer.splits.selection import collect_photographs, collect_stored_photographs
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.batch import write_stimuli
from colorizer.stimuli.manifest import Shard, write_manifest
from colorizer.stimuli.rendering import StimulusSettings
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import write_pictures

SETTINGS = StimulusSettings(("real", "foil"), {}, size=64, seed=0)
PHOTOS_PER_PART = 4


def write_photographs(folder: Path) -> None:
    """Write nine photographs, of which the fourth is gray and the sixth cannot be read."""
    write_pictures(folder, 9)
    Image.open(folder / "03.jpg").convert("L").save(folder / "03.jpg")
    (folder / "05.jpg").write_bytes(b"not an image")


def collect(place: Path | str) -> Sequence[Photograph]:
    if isinstance(place, str):
        return collect_stored_photographs(place).photographs
    return collect_photographs("test", place)[0]


def make_alone(photographs: Sequence[Photograph], out: Path) -> list[Refusal]:
    """Make the stimuli and the manifest as `colorizer batch` does; return the refused ones."""
    results = list(write_stimuli(photographs, SETTINGS, {}, out, CPU))
    rows = [row for result in results if not isinstance(result, Refusal) for row in result]
    write_manifest(out, rows, Shard())
    return [result for result in results if isinstance(result, Refusal)]


def make_in_turn(batch: ClusterBatch) -> Callable[[Sequence[Part]], Iterator[tuple[Part, bool]]]:
    """Return an engine without Ray, which yields the last part first."""

    def make(parts: Sequence[Part]) -> Iterator[tuple[Part, bool]]:
        maker = PartMaker(batch.setup, {})
        yield from ((part, maker.make(part)) for part in reversed(parts))

    return make


def make_in_parts(
    photographs: Sequence[Photograph], out: Path | str, settings: StimulusSettings = SETTINGS
) -> list[Refusal]:
    batch = ClusterBatch(photographs, settings, str(out), CPU)
    yielded = [each.image for each in batch.make(make_in_turn(batch), PHOTOS_PER_PART)]
    assert sorted(yielded) == sorted(photograph.image for photograph in photographs)
    images, refused = batch.write_manifest()
    assert images == len(photographs) - len(refused)
    return refused


def read_stimuli(out: Path) -> dict[str, bytes]:
    """Return the content of every stimulus and of the manifest."""
    files = [*out.glob("*/*.png"), out / "manifest.csv"]
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in files}
