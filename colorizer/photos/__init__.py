"""Photographs: reading, packing into shards, naming outputs."""
