"""The tables that DuckDB builds from the rows of an export: combinations, trials, people."""
