"""The contract: Inpainter, Method, Stage.

An *image* is float32 (N,3,H,W) in [0,1], RGB. A *hole* is bool (N,1,H,W), True = missing. A *seed* is int64 (N,), one
per image. Papers and baselines implement these classes and nothing else; `python -m bench check PATH` tests them.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.data.facts import DataFacts as DataFacts
from bench.masks.family import Family
from bench.util.errors import SignalledError, UserError


@dataclass(frozen=True)
class Sizes:
    """The picture sizes a method takes, in pixels."""

    minimum: int = 1
    multiple: int = 1
    maximum: int | None = None

    def __str__(self) -> str:
        if self.minimum == self.maximum:
            return f"sides of exactly {self.minimum} pixels"
        most = "" if self.maximum is None else f" and at most {self.maximum}"
        return f"sides of at least {self.minimum}{most} pixels, each a multiple of {self.multiple}"

    def fit(self, height: int, width: int) -> bool:
        """Whether a `height` x `width` picture is taken."""
        small, large = sorted((height, width))
        within = self.minimum <= small and (self.maximum is None or large <= self.maximum)
        return within and height % self.multiple == width % self.multiple == 0

    def check(self, height: int, width: int, who: str = "the method") -> None:
        """Raise UserError unless a `height` x `width` picture fits."""
        if not self.fit(height, width):
            raise UserError(f"{who} takes {self}; this picture is {height}x{width}. Crop or pad it.")


class BrokenResultError(UserError):
    """An inpainter returned something that is no picture, or tried to end the program: never a score."""


@contextmanager
def no_exit(who: str) -> Iterator[None]:
    """Code of a method runs inside: `sys.exit` and its like become BrokenResultError instead of a silent end."""
    try:
        yield
    except (Exception, KeyboardInterrupt, SignalledError):
        raise
    except BaseException as error:
        told = f"{type(error).__name__}{f' ({error})' if str(error) else ''}"
        raise BrokenResultError(f"{who} raised {told}; a method must not end the program.") from error


class Inpainter(ABC):
    """Fills holes."""

    sizes: Sizes = Sizes()
    images_at_once: int = 16
    """How many images an evaluation passes to one `inpaint`; a divisor of 128. No number may depend on it."""
    diagnostics: Mapping[str, Tensor] = MappingProxyType({})
    """Facts about the images of the last `inpaint`, by plain name: finite float (N,). Columns `aux_<name>` of the
    scores. As with the picture, those of image i may depend on nothing but image i. An object's own: assign it."""

    @abstractmethod
    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        """The picture with its hole filled: float32 (N,3,H,W) in [0,1].

        All three are copies, the method's own to change. What `image` holds under the hole must not matter. Pixels
        outside the hole may differ from the input (the 'raw' result): the harness pastes the input's own over them
        (`fill`). Image i may depend on nothing but image[i], hole[i] and seed[i].
        """


class Batch(NamedTuple):
    """What a training step draws: images and holes on the training device."""

    image: Tensor
    hole: Tensor


class Feed(Protocol):
    """What the loop hands to `Stage.step`. Everything in it is a function of the run's seed and the step."""

    step: int
    """Index of this step within the stage, from 0."""
    rng: torch.Generator
    """CPU generator for the step's own random numbers."""
    device: torch.device
    """Where the networks are, and what `batch` and `fixed` return."""

    def batch(self) -> Batch:
        """The next batch, `Stage.batch_size` images with fresh holes. May be called several times a step."""

    def generator(self, step: int) -> torch.Generator:
        """`rng` as it is at the beginning of `step`: for what is prepared ahead."""

    def fixed(self, count: int) -> Batch:
        """`count` of the stage's images with a hole each, the same in every step; `batch` goes on as if not called."""


class Stage(ABC):
    """One training phase: its networks, its optimisers, its step. The harness owns the loop around it.

    Networks, optimisers and logged losses are named by role. Where one network learns to tell true pictures from
    another's, the roles are `generator` and `discriminator`, a Wasserstein GAN's critic included; networks that share
    a role have names that begin with it, such as `discriminator_local`, and may share its optimiser.

    `networks` and `optimizers` are dictionaries because the loop puts the library's wrapped objects into them: `step`
    takes them from there each time, as the helpers below do. Where several processes train together, each of these
    networks works on a part of its batch in each of them, and everything else in `step` is the same in all: draws,
    losses, updates.
    """

    name: str
    steps: int
    batch_size: int
    images: int | None = None
    """At most this many training images are used, always the same ones; None: all that are not held out."""
    holes: Family
    """Draws the training holes, one for each image."""
    networks: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]
    penalised: frozenset[str] = frozenset()
    """Names of networks whose gradient is differentiated again, as under a gradient penalty: never compiled."""
    blind: Mapping[str, float] = MappingProxyType({})
    """What the discriminators' logged losses read when they tell nothing apart, by the scalar's name: 2 log 2 for a sum
    of two cross-entropies in nats, 2 for hinge losses. Not for a Wasserstein GAN, whose losses have no such value."""

    @abstractmethod
    def step(self, feed: Feed) -> dict[str, Tensor]:
        """One update of the networks; returns 0-dim scalars to log, detached. The loop stops at a non-finite one."""

    def minimise(self, role: str, loss: Tensor) -> Tensor:
        """One update by the optimiser `role`; returns the 0-dim loss before it, detached.

        Gradients that earlier losses left behind are dropped first; those of this one stay in `grad`.
        """
        optimizer = self.optimizers[role]
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.detach()

    def minimise_sum(self, role: str, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`minimise` of the sum of 0-dim terms; returns them, and under the role's name their sum, detached."""
        loss = self.minimise(role, total(terms.values()))
        return {name: term.detach() for name, term in terms.items()} | {role: loss}

    def set_learning_rate(self, rate: float, *roles: str) -> None:
        """From the next update on, for the optimisers `roles`, or for all. Call it in each `step`.

        A rate must follow from the step alone, so that a resumed training has it too.
        """
        for role in roles or self.optimizers:
            for group in self.optimizers[role].param_groups:
                group["lr"] = rate

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Within, these networks pass gradients on to their inputs, and none are computed for their weights."""
        weights = [weight for name in names for weight in self.networks[name].parameters()]
        before = [weight.requires_grad for weight in weights]
        for weight in weights:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight, needed in zip(weights, before, strict=True):
                weight.requires_grad_(needed)


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of 0-dim terms."""
    return torch.stack(list(terms)).sum()


class FromUser:
    """Marks a setting as `Supplied`."""


Supplied = Annotated[str | None, FromUser()]
"""The type of a setting that says where something lies which the method as printed needs and this project cannot bring:
published weights, a folder of pictures. Given with `--set`, it names no other variant, and keys and records hold a
SHA-256 in place of the path (bench/methods/supplied.py)."""


class Settings(BaseModel):
    """A method's typed settings. paper.toml's scales and variants, and `--set`, override them by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainedSettings(Settings):
    """Settings of a method that trains: how the arithmetic of its training is done. Scores are always float32's."""

    precision: Literal["float32", "bf16"] = Field(
        "float32", description="arithmetic of the networks in training; bf16: autocast to bfloat16"
    )
    compiled: bool = Field(False, description="train through torch.compile, where no gradient penalty forbids it")


class Method(ABC):
    """A paper or a baseline: its inpainter, and the stages that train it (none for a classical one).

    The first line of the docstring is what `list` shows. Networks are built in `__init__`, whose torch generator the
    caller has seeded.
    """

    settings_class: ClassVar[type[Settings]] = Settings
    after_training: ClassVar[frozenset[str]] = frozenset()
    """Names of settings that training does not depend on, such as those of a search: runs that differ in nothing else
    share trained networks."""
    from_stage: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType({})
    """Name of a stage -> names of settings that no stage before it depends on: runs that differ in nothing else share
    the stages before it."""
    floor: ClassVar[bool] = False
    """True for a training-free method that every leaderboard shows, so that nobody takes 20 dB for news."""

    def __init__(self, settings: Settings, data: DataFacts) -> None:
        self.settings = settings
        self.data = data

    def networks(self) -> dict[str, nn.Module]:
        """All networks by name: what a checkpoint keeps. Empty for a classical method."""
        return {}

    def stages(self) -> Sequence[Stage]:
        """The training phases, in order."""
        return ()

    @abstractmethod
    def inpainter(self) -> Inpainter:
        """The inpainter over the networks as they now are."""

    def samples(self, count: int, seed: int) -> Tensor | None:
        """Pictures (count,3,H,W) in [0,1] that the method makes of nothing but chance, for pages to show; None where it
        makes none."""
        return None

    def preview(self) -> Inpainter:
        """What draws the picture grids during training and fills the held-out images: a quicker inpainter where the
        real one is slow."""
        return self.inpainter()


def compose(image: Tensor, hole: Tensor, result: Tensor) -> Tensor:
    """The composite: `result` in the hole, `image` elsewhere, bit for bit."""
    return torch.where(hole, result, image)


def erase(image: Tensor, hole: Tensor) -> Tensor:
    """The damaged picture: zero in the hole."""
    return image.masked_fill(hole, 0.0)


def fill(inpainter: Inpainter, image: Tensor, hole: Tensor, seed: Tensor, names: Sequence[str] = ()) -> Tensor:
    """The raw result, after the harness's own checks: sizes before; shape, range and finiteness after.

    The hole is erased before the method sees the picture, so no method can look under it; and it gets copies, so that
    editing its inputs changes nothing that is scored. `names` are the images' ids
    for error texts. Raises UserError for a size outside `inpainter.sizes`, BrokenResultError for a broken result.
    """
    height, width = image.shape[-2:]
    inpainter.sizes.check(height, width, type(inpainter).__name__)
    with no_exit(type(inpainter).__name__):
        result = inpainter.inpaint(erase(image, hole), hole.clone(), seed.clone())
    if result.shape != image.shape:
        shapes = f"shape {tuple(result.shape)} for {tuple(image.shape)}"
        raise BrokenResultError(f"{type(inpainter).__name__} returned {shapes}; its `inpaint` must keep the shape.")
    broken = ~torch.isfinite(result).flatten(1).all(dim=1)
    if broken.any():
        index = int(broken.nonzero()[0])
        name = names[index] if names else f"number {index} of the batch"
        who = type(inpainter).__name__
        raise BrokenResultError(f"{who} returned NaN or infinity for image {name}; its training may have diverged.")
    return result.clamp(0.0, 1.0)


def diagnostic_columns(inpainter: Inpainter, names: Sequence[str]) -> dict[str, list[float]]:
    """The inpainter's diagnostics of its last call, as columns `aux_<name>` of the scores; `names` are the images' ids.

    Raises BrokenResultError for a name that is no identifier, and for values that are not one finite number an image.
    """
    who, columns = type(inpainter).__name__, {}
    for name, values in inpainter.diagnostics.items():
        if not name.isidentifier():
            raise BrokenResultError(
                f"{who} reports '{name}'; a diagnostic's name is a plain word such as context_loss."
            )
        if values.shape != (len(names),):
            shape = tuple(values.shape)
            raise BrokenResultError(f"{who} reports '{name}' with shape {shape}; it must be one number for each image.")
        column = values.cpu().double().tolist()
        for image, value in zip(names, column, strict=True):
            if not math.isfinite(value):
                raise BrokenResultError(f"{who} reports {name} = {value} for image {image}; it must be finite.")
        columns[f"aux_{name}"] = column
    return columns


def in_fixed_batches(
    forward: Callable[[Tensor, Tensor], Tensor], image: Tensor, hole: Tensor, size: int = 16
) -> Tensor:
    """Run `forward(image, hole)` on batches of exactly `size` images, the last one padded with copies.

    Convolution libraries choose a kernel by batch size, and kernels differ in their last bits: with one fixed size an
    image's result cannot depend on its batch mates.
    """
    results = []
    for start in range(0, len(image), size):
        part, gap = image[start : start + size], hole[start : start + size]
        count = len(part)
        if count < size:
            part = torch.cat([part, part[:1].expand(size - count, -1, -1, -1)])
            gap = torch.cat([gap, gap[:1].expand(size - count, -1, -1, -1)])
        results.append(forward(part, gap)[:count])
    return torch.cat(results)
