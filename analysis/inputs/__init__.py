"""What the analysis reads: responses, their sources, the frozen design, published rates."""
