"""The words for each task in texts that are exported."""
