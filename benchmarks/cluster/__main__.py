"""Dispatch `python -m benchmarks.cluster SUBCOMMAND`."""

import click

from benchmarks.cluster.enrollment import enrollment
from benchmarks.cluster.histories import histories
from benchmarks.cluster.ray_batch import ray_batch
from benchmarks.cluster.servers import servers
from benchmarks.cluster.training import training


@click.group()
def main() -> None:
    """Measure what carries more than one machine."""


for command in (enrollment, histories, ray_batch, servers, training):
    main.add_command(command)

if __name__ == "__main__":
    main()
