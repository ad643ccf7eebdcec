"""Evaluation: image quality metrics, scores with intervals, and their tables."""
