"""Tasks: what a trial shows and asks, one module per task."""
