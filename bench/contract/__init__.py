"""What a method and a paper.toml must keep to, as code that `check`, pytest and other people's packages run.

`methods` has the checks of a method, `papers` those of a paper.toml with its method; `reach` tells which claims a scale
leaves open; `run` prints them, `testing` makes a pytest test of each, and `accepted` lets a request pass. Nothing here
trains more than a few steps.
"""
