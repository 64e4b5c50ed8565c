"""The command line: verbs and their options. It parses, calls and prints; all work is done in other rooms."""
