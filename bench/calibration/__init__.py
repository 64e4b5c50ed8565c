"""Planted truths through the real judging code (bench/claims): how often a verdict is wrong.

No training, no file: records are made in memory. The rates of speed that `plan` measures are elsewhere
(bench/cluster/calibrate.py).
"""
