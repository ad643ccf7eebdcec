"""Trials that are counted instead of listed."""
