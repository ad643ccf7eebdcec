"""Stimuli: colorized images and foils of the test split, and their manifest."""
