"""Studies: lookup, frozen design, unblinding, progress, researchers."""
