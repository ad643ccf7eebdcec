"""Simulated participants, which take part in a study over HTTP."""
