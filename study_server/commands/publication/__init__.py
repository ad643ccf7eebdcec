"""The command that publishes a study."""
