"""Pages of signed-in researchers."""
