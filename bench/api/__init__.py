"""The Python API, which the command line calls too, and its typed results.

Everything that a user may call from Python is here; no other room prints, and none of the work is done here.
"""
