"""Two processes that tests start: what they do together, printed as JSON by each."""

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch

from colorizer.errors import ColorizerError
from colorizer.splits.split_file import Photograph
from colorizer.training import distributed
from colorizer.training.photo_cache import PhotoCache, leave_out_refused_elsewhere

TIMEOUT_S = 5


def fail_on(rank: int) -> str:
    if distributed.rank() == rank:
        raise ColorizerError("the disk is full")
    return "done"


def outcome_of_an_error_on(rank: int) -> str:
    try:
        return distributed.call_everywhere(lambda: fail_on(rank))
    except ColorizerError as error:
        return str(error)
    except SystemExit as exit_:
        return f"exit {exit_.code}"


def work_longer_than_the_timeout() -> bool:
    """Let rank 0 work for longer than the timeout, and rank 1 wait for it."""
    steps = range(12) if distributed.rank() == 0 else range(0)
    for _ in distributed.wait_for_all(steps):
        time.sleep(TIMEOUT_S / 10)
    return True


def readable_rows_after_one_refusal_each() -> list[int]:
    rows = [Photograph("", str(n), f"{n}.jpg", "train", False, str(n)) for n in range(4)]
    refused = distributed.rank()
    own = np.array([row for row in range(4) if row != refused])
    cache = PhotoCache(torch.empty(0), own, {f"{refused}.jpg": "truncated"})
    return [int(row) for row in leave_out_refused_elsewhere(cache, rows).readable_rows]


def wait_for_a_process_that_hangs() -> bool:
    """Return True if waiting for rank 1, which sleeps, ends with an error."""
    if distributed.rank() == 1:
        time.sleep(3 * TIMEOUT_S)
        return False
    try:
        distributed.gather_objects(None)
    except RuntimeError:
        return True
    return False


def main(shared: Path, own: Path) -> None:
    distributed.PROCESS_GROUP_TIMEOUT = timedelta(seconds=TIMEOUT_S)
    distributed.CHECK_IN_S = TIMEOUT_S / 10
    with distributed.process_group(torch.device("cpu")):
        report = {
            "error on rank 1": outcome_of_an_error_on(1),
            "error on no rank": outcome_of_an_error_on(2),
            "writes to the shared folder": distributed.is_writer(shared),
            "writes to its own folder": distributed.is_writer(own),
            "readable rows": readable_rows_after_one_refusal_each(),
            "finished": work_longer_than_the_timeout(),
            "noticed the hanging process": wait_for_a_process_that_hangs(),
        }
        print(json.dumps(report), flush=True)
        os._exit(0)  # the group is broken


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) / os.environ["RANK"])
