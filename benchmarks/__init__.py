"""The benchmarks: each module compares one part with named alternatives in the same run."""
