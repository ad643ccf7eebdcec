"""Create a study from a preset, and import its stimuli or replace them."""
