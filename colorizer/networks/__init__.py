"""The networks: backbone, colorization models, checkpoints, inference on CPUs."""
