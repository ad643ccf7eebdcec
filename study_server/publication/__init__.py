"""Publish a closed study as a folder that others can read, cite, check and repeat."""
