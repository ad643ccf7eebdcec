"""The estimates of each task."""
