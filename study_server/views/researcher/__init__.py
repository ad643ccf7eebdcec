"""The pages of signed-in researchers."""
