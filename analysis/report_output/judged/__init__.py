"""The page, tables and files of reports on judged candidates."""
