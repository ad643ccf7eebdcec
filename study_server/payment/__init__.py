"""Pay the people whom platforms send: whom, how much, and once."""
