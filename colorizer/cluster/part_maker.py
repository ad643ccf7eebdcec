"""Make the stimuli of the photographs of one part: the function that an engine maps."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch

from colorizer.cluster.parts import Row, open_parts, write_part
from colorizer.cluster.plan import Part, PlannedPhotograph
from colorizer.errors import UnreadablePhotographError
from colorizer.object_storage import Storage, is_url
from colorizer.photos.reading import FloatPixels, Refusal, Source, read_color_square
from colorizer.stimuli.foils import NoDonorError, read_donor_square
from colorizer.stimuli.rendering import (
    ImagesByMethod,
    Networks,
    StimulusJob,
    StimulusSettings,
    describe_stimulus,
    encode_png,
    make_stimuli,
    stimulus_file,
)


class WorkerSetup(NamedTuple):
    """The settings and places that a worker needs besides the networks.

    photos: the URL of the photographs, or None if they are in folders. out: the folder or URL of
    the stimuli.
    """

    settings: StimulusSettings
    photos: str | None
    out: str
    device: torch.device


class PartMaker:
    """Makes one part after another with the same networks and connections."""

    def __init__(self, setup: WorkerSetup, networks: Networks) -> None:
        self.settings, self.device, self.networks = setup.settings, setup.device, networks
        self.photos = Storage(setup.photos) if setup.photos else None
        self.out, self.parts = Storage(setup.out), open_parts(setup.out)

    def make(self, part: Part) -> bool:
        """Write the stimuli of a part, then its rows; the same part always gives the same bytes.

        Returns False without writing rows if none of the lenders of a photograph can be used and
        there are more of them. Raises ColorizerError if a storage fails.
        """
        try:
            made = list(
                make_stimuli(
                    part, self._read, self._finish, self.settings, self.networks, self.device
                )
            )
        except NoDonorError:
            return False
        recipes = "".join(planned.recipe for planned in part)
        name = hashlib.sha256(recipes.encode()).hexdigest()[:32]
        write_part(self.parts, name, [row for rows in made for row in rows])
        return True

    def _read(self, planned: PlannedPhotograph) -> StimulusJob | Refusal:
        methods, donor = self.settings.methods, None
        try:
            pixels = self._read_square(planned.source)
            if "foil" in methods:
                donor = read_donor_square(planned.lenders, self._read_square)
        except UnreadablePhotographError as error:
            if isinstance(error, NoDonorError) and planned.has_more_lenders:
                raise
            return Refusal(planned.file, str(error))
        return StimulusJob(methods, planned.image, pixels, donor)

    def _read_square(self, place: str) -> FloatPixels:
        return read_color_square(self._load(place), self.settings.size)

    def _load(self, place: str) -> Source:
        if self.photos is None or not is_url(place):
            return Path(place)
        content = self.photos.read(place.removeprefix(f"{self.photos.place.rstrip('/')}/"))
        if content is None:
            raise UnreadablePhotographError("no such object")
        return content

    def _finish(self, rendered: tuple[PlannedPhotograph, ImagesByMethod | Refusal]) -> list[Row]:
        planned, images = rendered
        known: Row = {"photograph": planned.file, "recipe": planned.recipe}
        if isinstance(images, Refusal):
            return [{**known, "image": planned.image, "refused": images.reason}]
        rows: list[Row] = []
        for position, (method, pixels) in enumerate(images.items()):
            png = encode_png(pixels)
            self.out.write(stimulus_file(planned.image, method), png)
            row = describe_stimulus(planned.image, planned.split, method, png, self.settings)
            rows.append({**asdict(row), **known, "position": position})
        return rows
