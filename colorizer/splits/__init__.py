"""The training, validation and test splits of photographs, without near-duplicates."""
