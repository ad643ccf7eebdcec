"""The participants' pages and requests: consent, screening, the player."""
