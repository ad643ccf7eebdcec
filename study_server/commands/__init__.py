"""One file a family of commands: arguments in, one call."""
