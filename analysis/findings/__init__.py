"""The numbers of a report and of interim estimates, as plain data."""
