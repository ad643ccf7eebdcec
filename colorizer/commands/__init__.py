"""The commands of `colorizer`, one per module: parse options, call the library, print results."""
