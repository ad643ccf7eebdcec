"""Stimuli: manifests, image files, their audit and import."""
