"""The database: engine, schema migrations, tables, backups."""
