"""Simulated participants, who take part in a study over HTTP."""
