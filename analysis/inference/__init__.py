"""Estimates and intervals that all tasks share."""
