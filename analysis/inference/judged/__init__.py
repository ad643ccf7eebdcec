"""Estimates that only judged tasks need: ties, intransitivity, raters, single images."""
