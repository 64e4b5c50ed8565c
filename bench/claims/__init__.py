"""Claim → verdict: reported numbers against measured ones, under margins that paper.toml declared before any run.

Statistics live here too. Nothing here measures or draws.
"""

from bench.claims.case import DATA_WORDS, FEWEST_GROUPS, OWN, command
from bench.claims.finding import DECISIVE, Finding, Measured, Verdict
from bench.claims.judging import judge
from bench.claims.looks import FEWEST_SEEDS

__all__ = [
    "DATA_WORDS",
    "DECISIVE",
    "FEWEST_GROUPS",
    "FEWEST_SEEDS",
    "OWN",
    "Finding",
    "Measured",
    "Verdict",
    "command",
    "judge",
]
