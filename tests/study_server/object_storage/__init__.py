"""Tests of stimuli in object storage, with a real storage on loopback."""
