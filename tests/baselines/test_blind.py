"""`Stage.blind` is what the loss reads when a discriminator says the same of every picture."""

import pytest
import torch
from pair import Subject
from torch import nn

from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.training.feed import TrainingFeed

UNDECIDED = {"picnet": 0.5}
"""Between the scores that least squares ask for; logits are undecided at 0."""
ADVERSARIAL = ["chandak2019", "context_encoder", "glcic", "hayrapetyan2017", "huang2022", "jiao2023", "picnet",
               "shift_net", "yeh2017"]  # fmt: skip


class Says(nn.Module):
    """The same of every picture, in the network's own form."""

    def __init__(self, network, value):
        super().__init__()
        self.network, self.value = network, value

    def forward(self, *args):
        return 0 * self.network(*args) + self.value


@pytest.mark.parametrize("key", ADVERSARIAL)
def test_a_discriminator_that_tells_nothing_apart_reads_what_the_stage_says(key):
    subject = Subject(find()[key])
    method = subject.build(facts=DataFacts(subject.resolution, images=16))
    for stage in method.stages():
        for name, network in stage.networks.items():
            if name.startswith("discriminator"):
                stage.networks[name] = Says(network, UNDECIDED.get(key, 0.0))
        feed = TrainingFeed(stage, subject.training_pictures(), 0, torch.device("cpu"))
        feed.start(0)
        losses = {name: float(value) for name, value in stage.step(feed).items() if name.startswith("discriminator")}
        known = {name: value for name, value in stage.blind.items() if name in losses}
        assert losses == pytest.approx(known, rel=1e-5)
