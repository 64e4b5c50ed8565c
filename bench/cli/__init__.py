"""The command line: verbs and their options. It parses, calls and prints; other rooms do the work."""
