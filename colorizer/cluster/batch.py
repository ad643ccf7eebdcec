"""Make the stimuli of photographs on a cluster, resume, and write the manifest."""

from collections.abc import Callable, Generator, Iterator, Sequence

import pyarrow.compute as pc
import torch

from colorizer.cluster.part_maker import WorkerSetup
from colorizer.cluster.parts import iterate_rows, open_parts, read_rows, remove_outdated
from colorizer.cluster.plan import (
    PHOTOS_PER_PART,
    Part,
    PlannedPhotograph,
    add_lenders,
    divide,
    plan_photographs,
)
from colorizer.errors import ColorizerError
from colorizer.object_storage import Storage, find_file, is_url, join
from colorizer.photos.reading import Refusal
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.manifest import MANIFEST_FILE, write_manifest_rows
from colorizer.stimuli.rendering import StimulusSettings

# Yields each part, in any order, and what `PartMaker.make` returned for it.
Engine = Callable[[Sequence[Part]], Iterator[tuple[Part, bool]]]


class ClusterBatch:
    """The stimuli of photographs, in a folder that all nodes see, or below a URL.

    photographs: of folders, or all of one URL.
    """

    def __init__(
        self,
        photographs: Sequence[Photograph],
        settings: StimulusSettings,
        out: str,
        device: torch.device,
    ) -> None:
        """Plan the batch; raises ColorizerError if the stimuli in `out` were made without Ray."""
        for method in settings.methods:
            if find_file(join(out, f"{method}.json")) is not None:
                raise ColorizerError(
                    f"--out {out}: contains stimuli that were made without --engine ray; use "
                    "another folder"
                )
        urls = [each.root for each in photographs if is_url(each.root)]
        self.setup = WorkerSetup(settings, urls[0] if urls else None, out, device)
        self.photographs, self.settings, self.out = photographs, settings, out
        self.planned = plan_photographs(photographs, settings)

    def make(
        self, engine: Engine, photos_per_part: int | None = None
    ) -> Generator[PlannedPhotograph, None, None]:
        """Make what is missing; yield every photograph once it is finished or refused.

        The manifest is deleted first, because the stimuli are about to change. photos_per_part: a
        multiple of `rendering.PHOTOS_PER_BATCH`, so that the network's batches, and with them the
        last bits of colors, are those of one process.
        """
        finished = remove_outdated(open_parts(self.out), self._recipes())
        Storage(self.out).delete(MANIFEST_FILE)
        yield from (each for each in self.planned if each.recipe in finished)
        missing = (each for each in self.planned if each.recipe not in finished)
        size = photos_per_part or PHOTOS_PER_PART[self.setup.device.type]
        parts = list(divide(missing, size))
        while parts:
            unmade = []
            for part, is_made in engine(parts):
                if is_made:
                    yield from part
                else:
                    unmade.append(part)
            parts = add_lenders(unmade, self.photographs, self.settings)

    def write_manifest(self) -> tuple[int, list[Refusal]]:
        """Write manifest.csv, if there is a stimulus.

        Returns the number of photographs with stimuli, and the refused ones.
        """
        table = read_rows(open_parts(self.out), self._recipes())
        is_refused = pc.is_valid(table["refused"])
        refused = [
            Refusal(row["photograph"], row["refused"])
            for row in iterate_rows(table.filter(is_refused))
        ]
        stimuli = table.filter(pc.invert(is_refused))
        if stimuli.num_rows:
            write_manifest_rows(join(self.out, MANIFEST_FILE), iterate_rows(stimuli))
        return len(self.planned) - len(refused), refused

    def _recipes(self) -> set[str]:
        return {each.recipe for each in self.planned}
