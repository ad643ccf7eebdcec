"""Ray as the engine: its actors load the networks once and make one part after another."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from colorizer.cluster.part_maker import PartMaker, WorkerSetup
from colorizer.cluster.plan import Part, PlannedPhotograph
from colorizer.errors import ColorizerError
from colorizer.onnx_files.loading import load_networks
from colorizer.stimuli.rendering import Networks

LOCAL = "local"  # Ray's address for a new cluster on this machine
CONNECTION_TIMEOUT_S = 60
CONNECT = "import sys, ray; ray.init(address=sys.argv[1], logging_level='ERROR')"
PART_SCHEMA = pa.schema(
    [
        ("part", pa.int64()),
        (
            "photographs",
            pa.list_(
                pa.struct(
                    [
                        ("image", pa.string()),
                        ("file", pa.string()),
                        ("split", pa.string()),
                        ("source", pa.string()),
                        ("lenders", pa.list_(pa.string())),
                        ("has_more_lenders", pa.bool_()),
                        ("recipe", pa.string()),
                    ]
                )
            ),
        ),
    ]
)

# error: the message of an error that stops the batch, or null.
RESULT_SCHEMA = pa.schema([("part", pa.int64()), ("made", pa.bool_()), ("error", pa.string())])


class PartWorker:
    """An actor of Ray, with the networks in its memory.

    models: a reference to the names and contents of the model files, which need not be on the
    worker's node.
    """

    def __init__(
        self, setup: WorkerSetup, models: "ray.ObjectRef[dict[str, tuple[str, bytes]]]"
    ) -> None:
        networks = _load_networks(ray.get(models), setup)
        self.maker = PartMaker(setup, networks)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Make each part of a table (PART_SCHEMA); return a table with RESULT_SCHEMA."""
        return pa.Table.from_pylist([self._make(row) for row in table.to_pylist()], RESULT_SCHEMA)

    def _make(self, row: dict[str, Any]) -> dict[str, Any]:
        part = [PlannedPhotograph(**each) for each in row["photographs"]]
        try:
            return {"part": row["part"], "made": self.maker.make(part)}
        except (ColorizerError, OSError) as error:  # Ray would add a traceback and advice
            return {"part": row["part"], "error": str(error)}


@contextmanager
def start_ray(address: str | None) -> Iterator[None]:
    """Start Ray on this machine (None), or connect to a cluster ("auto" or HOST:PORT).

    Raises ColorizerError if there is no cluster within a minute.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address is not None:
        _require_cluster(address)
    ray.init(
        address=address or LOCAL,
        include_dashboard=None if address else False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def make_parts(
    parts: Sequence[Part], setup: WorkerSetup, model_files: Mapping[str, Path]
) -> Iterator[tuple[Part, bool]]:
    """Yield each part, in any order, and what `PartMaker.make` returned for it.

    A part whose worker is killed is made again by another one. Raises ColorizerError if a storage
    fails, or if Ray does.
    """
    models = ray.put({name: (path.name, path.read_bytes()) for name, path in model_files.items()})
    tables = [_describe(number, part) for number, part in enumerate(parts)]
    resource = "CPU" if setup.device.type == "cpu" else "GPU"
    workers = max(1, min(len(parts), int(ray.cluster_resources().get(resource, 1))))
    results = ray.data.from_arrow(tables).map_batches(
        PartWorker,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
        fn_constructor_args=(setup, models),
        num_cpus=1,
        num_gpus=1 if resource == "GPU" else 0,
    )
    try:
        for row in results.iter_rows():
            if row["error"] is not None:
                raise ColorizerError(row["error"])
            yield parts[row["part"]], row["made"]
    except RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ColorizerError(f"Ray: {reason}; run the command again to resume") from error


def _load_networks(models: dict[str, tuple[str, bytes]], setup: WorkerSetup) -> Networks:
    with TemporaryDirectory() as folder:
        files = {}
        for name, (file, content) in models.items():
            files[name] = Path(folder, file)
            files[name].write_bytes(content)
        return load_networks(files, setup.device, setup.settings.precision)


def _describe(number: int, part: Part) -> pa.Table:
    photographs: list[dict[str, Any]] = [planned._asdict() for planned in part]
    return pa.Table.from_pylist([{"part": number, "photographs": photographs}], PART_SCHEMA)


def _require_cluster(address: str) -> None:
    """Raise ColorizerError if no cluster can be connected to within a minute.

    Another process tries it, because a cluster that is gone can block or end the one that tries.
    """
    command = [sys.executable, "-c", CONNECT, address]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CONNECTION_TIMEOUT_S, check=False
        )
        reason = (done.stderr.strip().splitlines() or ["no reply"])[-1]
    except subprocess.TimeoutExpired:
        reason = f"no reply within {CONNECTION_TIMEOUT_S} s"
    else:
        if not done.returncode:
            return
    raise ColorizerError(
        f"--address {address}: no Ray cluster ({reason}); start one with `ray start`, or leave out "
        "--address to use this machine alone"
    )
