"""Export: the rows that leave the database, CSV files, the codebook and archives."""
