"""Photographs: reading, splitting, finding duplicates, naming outputs."""
