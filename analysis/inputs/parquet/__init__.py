"""Tables of an export as Parquet files."""
