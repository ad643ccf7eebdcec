"""Side-by-side measurements: each module prints one, against named peers in the same run."""
