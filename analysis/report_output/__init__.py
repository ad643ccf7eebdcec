"""The report's page, tables, sentences and files."""
