"""The database: engine, tables, schema migrations and backups."""
