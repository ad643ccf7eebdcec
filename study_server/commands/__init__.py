"""The commands of `study`, a module per group: they parse arguments and make one call."""
