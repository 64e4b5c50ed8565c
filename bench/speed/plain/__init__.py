"""The scores in plain torch: what tests compare the compiled ones with, and what `speed score` times them against."""
