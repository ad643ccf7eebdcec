"""Questions to participants: screening, and a study's own."""
