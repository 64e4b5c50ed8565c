"""Holes: one file a family; suite.py freezes and fingerprints them."""
