"""The catalog of the tasks whose studies can be planned."""
