"""Checks of data quality: attention checks, timing, response behavior, robustness."""
