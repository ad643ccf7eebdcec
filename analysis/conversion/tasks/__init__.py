"""The tasks that a table may be about: what their trials are made from."""
