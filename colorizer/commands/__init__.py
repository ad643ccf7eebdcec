"""The commands of `colorizer`, one a module: arguments in, one call, results told."""
