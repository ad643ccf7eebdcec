"""Stimuli made by the workers of a Ray cluster, from and to folders or object storage."""
