"""At scale quick every feed-forward method learns from as many pictures as every other."""

import pytest
import torch
from watched import SameBatch

from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides

SIDE, DRAWN, BATCH = 64, 9600, 8
KEYS = ("fang2021", "jiao2023", "ca", "context_encoder", "glcic", "pconv", "picnet", "shift_net")


class Counted(SameBatch):
    """Counts how often a step asks for a batch."""

    asked = 0

    def batch(self):
        self.asked += 1
        return self.drawn


@pytest.mark.parametrize("key", KEYS)
def test_images_drawn_at_quick(key):
    entry = find()[key]
    paper, method_class = entry.description(), entry.load()
    settings = build(method_class.settings_class, overrides(paper, "quick", DEFAULT), key)
    torch.manual_seed(0)
    drawn = 0
    for stage in method_class(settings, DataFacts(SIDE, 2000)).stages():
        feed = Counted(stage, SIDE)
        stage.step(feed)
        assert stage.batch_size == BATCH
        drawn += stage.steps * feed.asked * stage.batch_size
    assert drawn == DRAWN
    assert "9600" in paper.scales["quick"].summary
