"""What Python and the command line can ask for, and the typed results that they get.

Everything that a user may call from Python is here; no other room prints, and none of the work is done here.
"""
