"""Figures: training curves, the network diagram, comparison sheets."""
