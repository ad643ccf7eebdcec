"""The conversion of tables that other programs collected into responses and judgments."""
