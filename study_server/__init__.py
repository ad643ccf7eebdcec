"""Stimuli -> trials in a browser -> responses in a database."""

from study_server.app import create_app

__all__ = ["create_app"]
