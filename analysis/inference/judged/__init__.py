"""Estimates that only judged tasks need: ties, intransitivity, rank sets, raters, single images."""
