"""Tests of analysis.conversion."""
