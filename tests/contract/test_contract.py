"""The contract over every method that is found, and over deliberately broken ones."""

import pytest
import torch
from toy import write_toys

from bench.contract import methods as contract
from bench.contract.methods import (
    CHECKS,
    Subject,
    settings_after_training_change_no_training,
    what_a_method_declares_exists,
)
from bench.contract.testing import parametrize_with_checks
from bench.methods.base import BrokenResultError, Inpainter, Sizes, erase
from bench.methods.catalog import find
from bench.runs import evaluation
from bench.util.errors import UserError

SUBJECTS = {entry.key: Subject(entry) for entry in find().entries.values()}


@parametrize_with_checks()
def test_contract(check):
    check()


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


class HalvesUnsaid(Good):
    def inpaint(self, image, hole, seed):
        halved = torch.nn.functional.avg_pool2d(image, 2)
        return torch.where(hole, torch.nn.functional.interpolate(halved, scale_factor=2), image)


class EditsInPlace(Good):
    """Fills the hole ring by ring, in its own inputs."""

    def inpaint(self, image, hole, seed):
        while hole.any():
            known = (~hole).float()
            near = torch.nn.functional.avg_pool2d(known, 3, 1, 1)
            ring = hole & (near > 0)
            if not ring.any():
                break
            mean = torch.nn.functional.avg_pool2d(image * known, 3, 1, 1) / near.clamp(min=1e-6)
            image.copy_(torch.where(ring, mean, image))
            hole &= ~ring
        return image


class EditsAtSixteen(EditsInPlace):
    def inpaint(self, image, hole, seed):
        return super().inpaint(image, hole if len(image) == 16 else hole.clone(), seed)


class MixesAtSixteen(Good):
    def inpaint(self, image, hole, seed):
        known = image.masked_fill(hole, 0)
        return image.masked_fill(hole, float(known.mean()) if len(image) == 16 else 0.5)


class Exits(Good):
    def inpaint(self, image, hole, seed):
        raise SystemExit(3)


class Tells(Good):
    def inpaint(self, image, hole, seed):
        self.diagnostics = {"brightness": image.masked_fill(hole, 0).mean(dim=(1, 2, 3))}
        return super().inpaint(image, hole, seed)


class TellsOfMates(Good):
    def inpaint(self, image, hole, seed):
        self.diagnostics = {"brightness": image.masked_fill(hole, 0).mean().expand(len(image))}
        return super().inpaint(image, hole, seed)


class TellsNothing(Good):
    def inpaint(self, image, hole, seed):
        self.diagnostics = {"loss": torch.full((len(image),), float("nan"))}
        return super().inpaint(image, hole, seed)


class TooMany(Good):
    images_at_once = 48


def subject_of(inpainter):
    subject = Subject(SUBJECTS["harmonic"].entry)
    subject.__dict__["inpainter"] = inpainter
    return subject


def failures(inpainter):
    subject = subject_of(inpainter)
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
        (Tells(), set()),
        (TellsOfMates(), {"batch_mates_have_no_influence"}),
        (EditsInPlace(), set()),
        (EditsAtSixteen(), set()),
        (MixesAtSixteen(), {"batch_mates_have_no_influence"}),
        (TooMany(), {"what_a_method_declares_exists", "batch_mates_have_no_influence", "inputs_are_the_methods_own"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(inpainter, expected):
    # The second half of same_seed_same_bits builds the real method afresh, so it does not apply to a planted inpainter.
    assert failures(inpainter) - {"same_seed_same_bits"} == expected


def test_the_contract_catches_forgotten_seeds_and_nan():
    assert "same_seed_same_bits" in failures(Forgets())
    assert "results_are_finite" in failures(Breaks())
    assert "results_are_finite" in failures(TellsNothing())


def test_a_size_that_fails_unsaid_is_told_how_to_be_said():
    subject = subject_of(HalvesUnsaid())
    with pytest.raises(AssertionError, match=r"allow 17x19, but it fails: .* Set, for instance, sizes = Sizes\("):
        contract.sizes_are_kept_or_refused(subject)


@pytest.mark.parametrize("inpainter", [EditsInPlace(), EditsAtSixteen()], ids=lambda value: type(value).__name__)
def test_the_contract_catches_a_harness_that_lends_its_holes(inpainter, monkeypatch):
    lent = inpainter.inpaint
    monkeypatch.setattr(
        evaluation, "fill", lambda found, image, hole, seed, names: lent(erase(image, hole), hole, seed).clamp(0, 1)
    )
    with pytest.raises(BrokenResultError, match="changed the holes of mask set random that it is scored on"):
        contract.inputs_are_the_methods_own(subject_of(inpainter))


def test_a_method_that_ends_the_program_fails_the_check_and_not_the_tool():
    with pytest.raises(BrokenResultError, match=r"Exits raised SystemExit \(3\); a method must not end the program"):
        contract.hidden_truth_has_no_influence(subject_of(Exits()))
    assert {"known_pixels_stay", "inputs_are_the_methods_own"} <= failures(Exits())


def test_the_contract_catches_settings_that_training_does_depend_on(tmp_path, monkeypatch):
    subject = Subject(find([write_toys(tmp_path / "toys") / "toypaper"])["toypaper"])
    for check in CHECKS:
        check(subject)
    monkeypatch.setattr(subject.entry.load(), "after_training", frozenset({"brightness", "learning_rate"}))
    with pytest.raises(AssertionError, match="training depends on one of brightness, learning_rate"):
        settings_after_training_change_no_training(subject)


def test_the_contract_catches_a_name_that_is_no_setting(monkeypatch):
    subject = Subject(SUBJECTS["harmonic"].entry)
    monkeypatch.setattr(subject.entry.load(), "after_training", frozenset({"iterations"}))
    with pytest.raises(AssertionError, match="after_training names 'iterations', which is not a setting. Known: none."):
        what_a_method_declares_exists(subject)
