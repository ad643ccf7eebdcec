"""Reports and interim estimates, which the commands of the analysis compute from an export."""
