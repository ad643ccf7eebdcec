"""Tables and files that the reports of all tasks have."""
