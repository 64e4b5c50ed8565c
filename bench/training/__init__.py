"""The loop around a stage: devices, processes, checkpoints, curves, budgets.

Nothing here knows a network, a loss or a paper.
"""
