"""The input files: responses, their sources, the frozen design, published rates."""
