"""Stimuli -> trials in a browser -> responses in a database."""
