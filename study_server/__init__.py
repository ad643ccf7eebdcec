"""The study server: shows stimuli to participants in a browser and stores their responses."""
