"""Participants: enrollment, trials, responses, withdrawal."""
