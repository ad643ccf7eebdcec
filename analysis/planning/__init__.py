"""Sample sizes: formulas, simulated studies, the power curve."""
