"""What is estimated for each task."""
