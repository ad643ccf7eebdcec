"""Stimuli: manifests, image files, the audit and the import."""
