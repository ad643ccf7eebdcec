"""Participants: enrollment, screening, trials, responses, withdrawal."""
