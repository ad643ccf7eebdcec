"""Export: the rows that leave the database, CSV files, codebook, archives."""
