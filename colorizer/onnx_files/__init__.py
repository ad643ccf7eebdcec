"""ONNX files: models for other programs, and other people's models for stimuli."""
