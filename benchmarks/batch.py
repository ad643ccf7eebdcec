"""Making stimuli: `colorizer batch` against the loop of published demo scripts.

The loop opens and resizes with Pillow, converts to Lab with scikit-image, runs the network on one
image in float32, converts to RGB with scikit-image, and writes a PNG with Pillow. Both use the same
number of threads. The loop runs with our shipped network, then with the published one.
"""

import copy
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from torch.nn import functional

from benchmarks.stopwatch import measure_medians_ms
from colorizer.color.bins import bin_centers
from colorizer.networks.checkpoint import PRETRAINED_FOLDER, load_colorizer
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.networks.models import Colorizer, build_colorizer
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.batch import write_stimuli
from colorizer.stimuli.rendering import StimulusSettings, fastest_dtype
from tests.colorizer.pictures import draw

CPU = torch.device("cpu")
SIZE = 256
PHOTOS_PER_ROUND = {"batch (ours)": 64, "the usual loop": 16, "the usual loop, zhang2016": 8}
MIN_SPEEDUPS = {"the usual loop": 3.5, "the usual loop, zhang2016": 6}
MEMORY_TEST_SIZES = (100, 400)  # numbers of photographs for the memory measurement


def write_photographs(folder: Path, count: int) -> list[Photograph]:
    """Write JPEGs of a common size; after the first 16, hard links to them with new names."""
    folder.mkdir()
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        if number < 16:
            Image.fromarray(draw(number, side=400)).save(path, quality=92)
        else:
            os.link(folder / f"{number % 16:05}.jpg", path)
    names = [path.stem for path in sorted(folder.iterdir())]
    return [Photograph(str(folder), name, f"{name}.jpg", "test", False, name) for name in names]


def color_in_a_loop(photographs: Sequence[Photograph], network: Colorizer, out: Path) -> None:
    """Colorize one photograph at a time, as the demo scripts of published colorizers do."""
    out.mkdir(exist_ok=True)
    for photograph in photographs:
        image = Image.open(photograph.path).convert("RGB").resize((SIZE, SIZE))
        lab = rgb2lab(np.asarray(image))
        lightness = torch.from_numpy(lab[..., :1]).float().movedim(-1, 0)[None]
        with torch.no_grad():
            ab = network.decode(network(lightness), 0.38)
            ab = functional.interpolate(ab, (SIZE, SIZE), mode="bilinear")
        full = np.concatenate([lab[..., :1], ab[0].movedim(0, -1).numpy()], axis=-1)
        rgb = lab2rgb(full)
        Image.fromarray((rgb * 255).round().astype(np.uint8)).save(out / f"{photograph.image}.png")


def color_in_a_batch(photographs: Sequence[Photograph], network: Colorizer, out: Path) -> None:
    recipe = StimulusSettings(("mcl-annealed",), {}, SIZE, seed=0, precision=fastest_dtype(CPU))
    for path in out.glob("*/*.png"):
        path.unlink()
    made = list(write_stimuli(photographs, recipe, {"mcl": network}, out, CPU))
    assert all(isinstance(stimuli, list) for stimuli in made)


def load_shipped() -> Colorizer:
    return load_colorizer(PRETRAINED_FOLDER / "mcl.safetensors", CPU)


def list_contestants(
    photographs: Sequence[Photograph], out: Path
) -> dict[str, Callable[[], object]]:
    network = load_shipped()
    fused = fuse_for_cpu(copy.deepcopy(network), fastest_dtype(CPU))
    zhang = build_colorizer("zhang2016", "mcl", bin_centers()).eval()
    ours, usual, published = (photographs[:count] for count in PHOTOS_PER_ROUND.values())
    works: list[Callable[[], object]] = [
        lambda: color_in_a_batch(ours, fused, out / "batch"),
        lambda: color_in_a_loop(usual, network, out / "loop"),
        lambda: color_in_a_loop(published, zhang, out / "zhang2016"),
    ]
    return dict(zip(PHOTOS_PER_ROUND, works, strict=True))


def measure_memory(photographs: Sequence[Photograph], out: Path) -> None:
    """Print this process's peak memory in MB. Run it in a new process: a peak never decreases."""
    color_in_a_batch(photographs, fuse_for_cpu(load_shipped(), fastest_dtype(CPU)), out)
    print(round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def compare_speed(photographs: Sequence[Photograph], out: Path) -> None:
    medians_ms = measure_medians_ms(list_contestants(photographs, out), rounds=3)
    ms_per_photograph = {name: medians_ms[name] / count for name, count in PHOTOS_PER_ROUND.items()}
    ours = ms_per_photograph["batch (ours)"]
    threads, precision = torch.get_num_threads(), fastest_dtype(CPU)
    print(f"\n{SIZE} px, {threads} threads, ours in {precision}, {os.cpu_count()} cores")
    for name, ms in ms_per_photograph.items():
        bar = f" (target: {MIN_SPEEDUPS[name]} x)" if name in MIN_SPEEDUPS else ""
        print(f"{name:<28}{1000 / ms:8.1f} images/s{ms / ours:8.1f} x{bar}")


def main() -> None:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        compare_speed(
            write_photographs(place / "photos", max(PHOTOS_PER_ROUND.values())), place / "out"
        )
    for count in MEMORY_TEST_SIZES:
        command = [sys.executable, "-m", "benchmarks.batch", str(count)]
        peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"peak memory for {count} photographs: {peak} MB")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        with TemporaryDirectory() as folder:
            measure_memory(
                write_photographs(Path(folder) / "photos", int(sys.argv[1])), Path(folder) / "out"
            )
