"""Benchmarks of what carries more than one machine: each subcommand prints a table."""
