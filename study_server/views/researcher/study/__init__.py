"""The researcher's pages of one study."""
