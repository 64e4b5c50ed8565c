"""How to train, as opposed to what. Nothing here imports torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """None of these moves a number."""

    minutes: float | None = None
    """Stop safely after so long; None: when the stages are done."""
    checkpoint_seconds: float = 30.0
    """Save the training about so often."""
