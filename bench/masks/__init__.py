"""Holes: one file for each family; sets.py freezes families and mask folders as mask sets, with fingerprints.

Nothing here knows what lies in or around a hole.
"""
