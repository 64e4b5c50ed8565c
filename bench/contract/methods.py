"""The contract that every method signs, as code: run by `python -m bench check PATH` and by pytest.

Each check takes a Subject and raises AssertionError with a sentence that says what is broken. Trained methods are built
at their smoke scale with untrained networks: the contract is about behaviour, not about quality.
"""

import tempfile
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data import Packed
from bench.data.held_out import FEWEST_GROUPS, ONE_IN
from bench.data.protocol import DEFAULTS
from bench.masks.sets import MASK_SETS
from bench.methods.base import DataFacts, Inpainter, Method, compose, diagnostic_columns, erase, fill, no_exit
from bench.methods.catalog import Entry
from bench.methods.settings import DEFAULT, build, overrides
from bench.metrics import score
from bench.paper import Paper
from bench.runs.building import build_method, parameters
from bench.runs.evaluation import evaluate, image_seeds, images_at_once, to_uint8
from bench.training import checkpoint
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.speedups import differentiated_once
from bench.util.errors import Stopped, UserError, nearest
from bench.util.seeds import seed_of

IMAGES = 5


@dataclass(frozen=True)
class Subject:
    """A method under test, with pictures to try it on."""

    entry: Entry
    read: Paper | None = None
    """The paper.toml where somebody has read it already."""

    @property
    def about(self) -> Paper | None:
        return self.read or self.entry.description()

    @cached_property
    def resolution(self) -> int:
        about = self.about
        scale = about.scales["smoke"].protocol if about else None
        return (scale.resolution if scale else None) or int(DEFAULTS["smoke"]["resolution"])

    def build(
        self, scale: str = "smoke", facts: DataFacts | None = None, changes: Mapping[str, Any] = MappingProxyType({})
    ) -> Method:
        values = overrides(self.about, scale, DEFAULT) | dict(changes)
        return build_method(self.entry, values, facts or DataFacts(self.resolution, images=16), seed=0)

    def training_pictures(self, count: int = 16) -> Packed:
        """Pictures of noise."""
        pixels = np.random.default_rng(0).integers(0, 256, (count, 3, *2 * [self.resolution]), dtype=np.uint8)
        ids = [f"noise-{i}" for i in range(count)]
        return Packed(ids, ids, pixels)

    @cached_property
    def inpainter(self) -> Inpainter:
        return self.build().inpainter()

    def fill(self, image: Tensor, hole: Tensor, seed: Tensor | None = None) -> Tensor:
        """The composite."""
        return self.answer(image, hole, seed)["result"]

    def answer(self, image: Tensor, hole: Tensor, seed: Tensor | None = None) -> dict[str, Tensor]:
        """The composite as `result`, and the inpainter's diagnostics."""
        seed = torch.arange(len(image)) if seed is None else seed
        result = compose(image, hole, fill(self.inpainter, image, hole, seed))
        told = diagnostic_columns(self.inpainter, [f"contract-{index}" for index in range(len(image))])
        return {"result": result} | {name: torch.tensor(column) for name, column in told.items()}

    def pictures(self, height: int | None = None, width: int | None = None) -> tuple[Tensor, Tensor]:
        """Smooth random pictures with the holes of every mask set."""
        height, width = height or self.resolution, width or self.resolution
        generator = torch.Generator().manual_seed(seed_of("contract", self.entry.key))
        coarse = torch.rand(IMAGES, 3, 6, 6, generator=generator)
        image = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
        names = list(MASK_SETS)
        holes = [MASK_SETS[names[i % len(names)]].holes([f"contract-{i}"], height, width) for i in range(IMAGES)]
        return image, torch.cat(holes)


def known_pixels_stay(subject: Subject) -> None:
    """Known pixels are the input's bit for bit; an all-known image comes back unchanged."""
    image, hole = subject.pictures()
    result = subject.fill(image, hole)
    known = ~hole.expand_as(image)
    assert torch.equal(result[known], image[known]), "known pixels of the composite differ from the input's"
    whole = subject.fill(image, torch.zeros_like(hole))
    assert torch.equal(whole, image), "an image without a hole is not returned unchanged"


def hidden_truth_has_no_influence(subject: Subject) -> None:
    """What lies under the hole does not matter."""
    image, hole = subject.pictures()
    other = torch.where(hole, 1 - image.flip(0), image)
    seed = torch.arange(len(image))
    # Not through `fill`, which erases the hole first: the method itself must not look.
    with no_exit(type(subject.inpainter).__name__):
        first, second = (subject.inpainter.inpaint(x.clone(), hole.clone(), seed.clone()) for x in (image, other))
    assert torch.equal(compose(image, hole, first), compose(image, hole, second)), (
        "the fill changes when the pixels under the hole change"
    )


def batch_mates_have_no_influence(subject: Subject) -> None:
    """An image's result is the same bits alone, in company, and anywhere in the batch."""
    image, hole = subject.pictures()
    seed = torch.arange(len(image))
    together = subject.answer(image, hole, seed)
    order = torch.tensor([3, 0, 4, 2, 1])
    moved = subject.answer(image[order], hole[order], seed[order])
    alone = [subject.answer(image[i : i + 1], hole[i : i + 1], seed[i : i + 1]) for i in range(len(image))]
    # As many as an evaluation passes at once, and more than any fixed batch of a method's own.
    larger = {}
    for count in (images_at_once(subject.inpainter), 7 * len(image)):
        places = torch.arange(count) % len(image)
        larger[count] = places, subject.answer(image[places], hole[places], seed[places])
    for name, whole in together.items():
        assert torch.equal(moved[name], whole[order]), f"an image's {name} depends on its place in the batch"
        for index, one in enumerate(alone):
            assert torch.equal(one[name], whole[index : index + 1]), f"{name} of image {index} differs alone"
        for count, (places, many) in larger.items():
            assert torch.equal(many[name], whole[places]), f"an image's {name} differs in a batch of {count}"


def inputs_are_the_methods_own(subject: Subject) -> None:
    """What is scored is the fill of the frozen holes, whatever the method does to its inputs."""
    inpainter, device = subject.inpainter, torch.device("cpu")
    few, _ = subject.pictures()
    truth = to_uint8(few)[torch.arange(images_at_once(inpainter)) % len(few)]
    ids = [f"contract-{index}" for index in range(len(truth))]
    pictures = Packed(ids, ids, truth.numpy())
    image, seed = pictures.tensor(range(len(pictures))), image_seeds(0, ids)
    hole = MASK_SETS["random"].holes(ids, *image.shape[-2:])
    with no_exit(type(inpainter).__name__):
        raw = to_uint8(inpainter.inpaint(erase(image, hole), hole.clone(), seed.clone()).clamp(0, 1))
    composite = compose(truth, hole, raw)
    with tempfile.TemporaryDirectory() as folder:
        table = evaluate(inpainter, pictures, ("random",), 0, device, Path(folder), lambda what, done, total: None)
        scored = np.load(Path(folder) / "predictions" / "random.npy")
    assert np.array_equal(scored, composite.numpy()), "the composites that are scored are not those of the frozen holes"
    for name, values in score(truth, composite, hole, raw).items():
        found = torch.tensor(table[name].to_numpy(), dtype=values.dtype)
        assert torch.allclose(found, values, rtol=1e-12, atol=0, equal_nan=True), f"{name} is not that of the fill"


def same_seed_same_bits(subject: Subject) -> None:
    """The same seed gives the same bits."""
    image, hole = subject.pictures()
    assert torch.equal(subject.fill(image, hole), subject.fill(image, hole)), "two calls with one seed differ"
    again = Subject(subject.entry)
    assert torch.equal(subject.fill(image, hole), again.fill(image, hole)), "two builds with one seed differ"


def resumed_training_is_straight_training(subject: Subject) -> None:
    """Training that is stopped after every step ends with the same bits as training in one go."""
    facts = DataFacts(subject.resolution, images=16)
    if not subject.build(facts=facts).stages():
        return
    train = subject.training_pictures()
    with tempfile.TemporaryDirectory() as folder:
        straight = _train(subject, facts, train, Path(folder) / "straight", Options())
        stopped = _train(subject, facts, train, Path(folder) / "stopped", Options(minutes=0))
    assert straight == stopped, "a stopped and resumed training ends with different weights from an uninterrupted one"


def settings_after_training_change_no_training(subject: Subject) -> None:
    """Settings that `after_training` names leave the trained networks the same bits."""
    changes = _changes_to(subject, subject.entry.load().after_training)
    if not changes:
        return
    facts, train = DataFacts(subject.resolution, images=16), subject.training_pictures()
    with tempfile.TemporaryDirectory() as folder:
        plain = _train(subject, facts, train, Path(folder) / "plain", Options())
        changed = _train(subject, facts, train, Path(folder) / "changed", Options(), changes)
    assert plain == changed, f"after_training is wrong: training depends on one of {', '.join(sorted(changes))}"


def settings_of_later_stages_change_no_earlier_one(subject: Subject) -> None:
    """Settings that `from_stage` names leave the stages before the same bits: networks, curves, held-out scores."""
    facts = DataFacts(subject.resolution, images=16)
    train = subject.training_pictures(FEWEST_GROUPS * ONE_IN)
    for stage, names in subject.entry.load().from_stage.items():
        changes = _changes_to(subject, names, stage)
        found = []
        for change in ({}, changes) if changes else ():
            stages = _stages(subject, change)
            with tempfile.TemporaryDirectory() as folder:
                _train(subject, facts, train, Path(folder), Options(), change)
                kept = checkpoint.of_stage(stages.index(stage) - 1)
                found += [path.name for path in (Path(folder) / "checkpoints").glob(f"{kept}-*.pt")]
        told = f"a stage before '{stage}' depends on one of {', '.join(sorted(changes))}"
        assert len(set(found)) < 2, f"from_stage is wrong: {told}"


def _changes_to(subject: Subject, names: AbstractSet[str], stage: str = "") -> dict[str, Any]:
    """What the variants change of these settings: of all of them together, as much as fits together.

    With a `stage`, as much as leaves that stage with one before it.
    """
    method, about = subject.entry.load(), subject.entry.description()
    changes: dict[str, Any] = {}
    for variant in about.variants.values() if about else ():
        more = changes | {key: value for key, value in variant.settings.items() if key in names}
        with suppress(UserError):
            build(method.settings_class, overrides(about, "smoke", DEFAULT) | more, subject.entry.key)
            if stage and stage not in _stages(subject, more)[1:]:
                continue
            changes = more
    return changes


def _stages(subject: Subject, changes: Mapping[str, Any]) -> list[str]:
    facts = DataFacts(subject.resolution, images=16)
    return [stage.name for stage in subject.build(facts=facts, changes=changes).stages()]


def _train(
    subject: Subject,
    facts: DataFacts,
    train: Packed,
    folder: Path,
    options: Options,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """The name of the trained file, which holds the hash of its content."""
    while True:
        training = Training(folder, subject.build(facts=facts, changes=changes), train, 0, open_fabric("cpu"))
        try:
            training.run(options, lambda what, done, total: None, lambda event, facts: None)
        except Stopped:
            continue
        assert training.trained is not None, "training ended without trained networks"
        return training.trained.name


def penalised_networks_are_named(subject: Subject) -> None:
    """A stage names the networks whose gradient it differentiates again: torch.compile must leave them out."""
    method = subject.build(facts=DataFacts(subject.resolution, images=16))
    train = subject.training_pictures()
    for stage in method.stages():
        unknown = stage.penalised - stage.networks.keys()
        assert not unknown, f"stage '{stage.name}' names {sorted(unknown)[0]!r}, which is not one of its networks"
        feed = TrainingFeed(stage, train, 0, torch.device("cpu"))
        feed.start(0)
        others = {name: network for name, network in stage.networks.items() if name not in stage.penalised}
        try:
            with differentiated_once(others):
                stage.step(feed)
        except RuntimeError as error:
            if "once_differentiable" not in str(error):
                raise
            names = ", ".join(sorted(others))
            raise AssertionError(f"stage '{stage.name}' differentiates a gradient of {names} again") from None


def sizes_are_kept_or_refused(subject: Subject) -> None:
    """Every size within the stated ones keeps its shape; one outside is refused with the sizes named."""
    sizes = subject.inpainter.sizes
    step = sizes.multiple
    smallest = -(-max(sizes.minimum, 16) // step) * step
    for height, width in ((smallest, smallest), (smallest + step, smallest + 3 * step)):
        if not sizes.fit(height, width):
            continue
        image, hole = subject.pictures(height, width)
        try:
            result = subject.fill(image, hole)
        except RuntimeError as error:
            told = f"the inpainter's `sizes` allow {height}x{width}, but it fails: {error}"
            raise AssertionError(f"{told} Set, for instance, sizes = Sizes(minimum=32, multiple=4)") from None
        assert result.shape == image.shape
    above = 0 if sizes.maximum is None else sizes.maximum + step
    bad = [side for side in (sizes.minimum - 1, smallest + 1 if step > 1 else 0, above) if side > 0]
    for side in bad:
        image = torch.rand(1, 3, side, side)
        hole = torch.zeros(1, 1, side, side, dtype=torch.bool)
        told = _refusal(subject, image, hole)
        assert told, f"{side}x{side} is outside the stated sizes ({sizes}) but is not rejected"
        assert str(sizes) in told, f"the error for {side}x{side} does not name the sizes: {told}"


def _refusal(subject: Subject, image: Tensor, hole: Tensor) -> str:
    """The error message; empty where the picture is accepted."""
    try:
        subject.fill(image, hole)
    except UserError as error:
        return str(error)
    return ""


def what_a_method_declares_exists(subject: Subject) -> None:
    """`after_training` and `from_stage` name settings, and `images_at_once` fits the evaluation."""
    method = subject.entry.load()
    known = sorted(method.settings_class.model_fields)
    later = {f"from_stage[{stage!r}]": names for stage, names in method.from_stage.items()}
    named = {"after_training": method.after_training} | later
    for where, names in named.items():
        for name in sorted(names - set(known)):
            raise AssertionError(f"{where} names {name!r}, which is not a setting.{nearest(name, known)}")
    images_at_once(subject.inpainter)


def stated_parameters_are_met(subject: Subject) -> None:
    """The networks at paper scale have the parameters that paper.toml states."""
    paper = subject.entry.description()
    if paper is None:
        return
    resolution = paper.scales["paper"].protocol.resolution or int(DEFAULTS["paper"]["resolution"])
    counted = parameters(subject.build("paper", DataFacts(resolution, images=25_000)))
    for name, stated in paper.parameters.items():
        assert counted.get(name) == stated, f"network '{name}' has {counted.get(name)} parameters, not {stated}"


def results_are_finite(subject: Subject) -> None:
    """Black, white and one-pixel-known pictures give finite results within [0,1]; a NaN names its image."""
    _, hole = subject.pictures()
    side = subject.resolution
    nearly_all = torch.ones(1, 1, side, side, dtype=torch.bool)
    nearly_all[..., 0, 0] = False
    holes = torch.cat([hole[:2], nearly_all])
    image = torch.stack([torch.zeros(3, side, side), torch.ones(3, side, side), torch.full((3, side, side), 0.5)])
    result = subject.fill(image, holes)
    assert float(result.min()) >= 0, "a result lies below 0"
    assert float(result.max()) <= 1, "a result lies above 1"


CHECKS: tuple[Callable[[Subject], None], ...] = (
    known_pixels_stay,
    hidden_truth_has_no_influence,
    batch_mates_have_no_influence,
    inputs_are_the_methods_own,
    same_seed_same_bits,
    resumed_training_is_straight_training,
    settings_after_training_change_no_training,
    settings_of_later_stages_change_no_earlier_one,
    penalised_networks_are_named,
    sizes_are_kept_or_refused,
    what_a_method_declares_exists,
    stated_parameters_are_met,
    results_are_finite,
)
