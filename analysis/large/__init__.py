"""The sample of a report with trials that DuckDB counts in Parquet files."""
