"""Color arithmetic: color spaces, the 313 color bins, CIEDE2000."""
