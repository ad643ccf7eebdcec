"""Published studies: their report and page, and computing them again from the published files."""
