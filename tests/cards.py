"""The devices of tests that run on a processor everywhere, and on graphics cards where there are some."""

import pytest
import torch


def on_cards(count=1):
    """A parameter for tests that need so many graphics cards: skipped elsewhere."""
    why = f"needs {count} graphics card{'' if count == 1 else 's'}, torch sees {torch.cuda.device_count()}"
    skip = pytest.mark.skipif(torch.cuda.device_count() < count, reason=why)
    return pytest.param("cuda", marks=[pytest.mark.card, skip], id=f"cuda-{count}" if count > 1 else "cuda")


DEVICES = ("cpu", on_cards())
PAIRS = ("cpu", on_cards(2))
"""For two processes, which share a processor but not a card."""


def close(device, one, other, rounding):
    """The very bits on a processor. A card's sums come in any order, so there it is to `rounding`, relatively."""
    return one == (other if device == "cpu" else pytest.approx(other, rel=rounding, abs=rounding))
