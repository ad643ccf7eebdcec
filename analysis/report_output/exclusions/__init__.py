"""The exclusion rules and the participants who remain."""
