"""The results of a study with several exposures."""
