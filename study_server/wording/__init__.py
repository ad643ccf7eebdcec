"""Texts that participants read: a study's own wording, and the texts of the player."""
