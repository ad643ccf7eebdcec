"""Simulated participants, who take part over HTTP."""
