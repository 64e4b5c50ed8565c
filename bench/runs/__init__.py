"""From a method and a protocol to a record on disk: train, fill, score, probe, audit, write.

Nothing here compares two methods or knows what a paper claims; that is bench/claims/.
"""
