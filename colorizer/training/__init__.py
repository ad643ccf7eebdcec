"""Training: the loop, its state, losses, the color prior, the photograph cache."""
