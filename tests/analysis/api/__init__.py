"""Tests of the functions that `analysis` exports."""
