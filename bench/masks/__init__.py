"""Holes: one file a family; mask set.py freezes and fingerprints them."""
