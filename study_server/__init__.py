"""The study server: shows stimuli to participants in a browser and stores their responses."""

from study_server.app import create_app

__all__ = ["create_app"]
