"""Photographs -> two trained colorizers -> stimuli and their manifest."""
