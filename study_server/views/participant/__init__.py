"""Pages and requests of participants: entrance, screening, the player."""
