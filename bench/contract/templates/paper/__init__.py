"""A paper to begin with."""
