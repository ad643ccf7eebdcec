"""The tests. They run in one process per core, so each process uses one thread for arithmetic."""

import os

if "PYTEST_VERSION" in os.environ:  # benchmarks also import these modules, but use all cores
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when numpy is imported
        os.environ.setdefault(name, "1")
