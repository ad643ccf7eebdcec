"""Tests: as many processes as there are cores, so one thread for the sums of each."""

import os

if "PYTEST_VERSION" in os.environ:  # benchmarks import these modules too, and use every core
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when numpy is imported
        os.environ.setdefault(name, "1")
