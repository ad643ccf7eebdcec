"""The answers of participants to a study's own questions."""
