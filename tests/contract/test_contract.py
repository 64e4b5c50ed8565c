"""The contract over every method that is found, and over deliberately broken ones."""

import pytest
import torch

from bench.catalog import find
from bench.contract import CHECKS, Subject
from bench.errors import UserError
from bench.inpainter import Inpainter, Sizes

ENTRIES = list(find().entries.values())
SUBJECTS = {entry.key: Subject(entry) for entry in ENTRIES}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("key", SUBJECTS)
def test_contract(key, check):
    check(SUBJECTS[key])


class Good(Inpainter):
    def inpaint(self, image, hole, seed):
        return image.masked_fill(hole, 0.5)


class Peeks(Good):
    def inpaint(self, image, hole, seed):
        return image * 0.5


class LooksAtMates(Good):
    def inpaint(self, image, hole, seed):
        return image.masked_fill(hole, float(image.masked_fill(hole, 0).mean()))


class LooksAtPlace(Good):
    def inpaint(self, image, hole, seed):
        return image.masked_fill(hole, 0.5) + torch.arange(len(image)).view(-1, 1, 1, 1) * hole / 100


class Forgets(Good):
    def inpaint(self, image, hole, seed):
        return image.masked_fill(hole, 0) + torch.rand(image.shape) * hole


class Breaks(Good):
    def inpaint(self, image, hole, seed):
        return torch.full_like(image, float("nan"))


class Sized(Good):
    sizes = Sizes(minimum=32, multiple=4)


def failures(inpainter):
    subject = Subject(SUBJECTS["harmonic"].entry)
    subject.__dict__["inpainter"] = inpainter
    failed = set()
    for check in CHECKS:
        try:
            check(subject)
        except (AssertionError, UserError):
            failed.add(check.__name__)
    return failed


@pytest.mark.parametrize(
    ("inpainter", "expected"),
    [
        (Good(), set()),
        (Sized(), set()),
        (Peeks(), {"hidden_truth_has_no_influence"}),
        (LooksAtMates(), {"batch_mates_have_no_influence"}),
        (LooksAtPlace(), {"batch_mates_have_no_influence"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(inpainter, expected):
    # The second half of same_seed_same_bits builds the real method afresh, so it does not apply to a planted inpainter.
    assert failures(inpainter) - {"same_seed_same_bits"} == expected


def test_the_contract_catches_forgotten_seeds_and_nan():
    assert "same_seed_same_bits" in failures(Forgets())
    assert "results_are_finite" in failures(Breaks())
