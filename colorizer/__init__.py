"""Photographs -> two trained colorizers -> stimuli and their manifest."""

import os

# Before torch is loaded: threads that spin while they wait stall every other program.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
