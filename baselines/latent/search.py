"""Search for the vector z whose picture fits the known pixels (Yeh et al. 2017, §3).

Every image is a problem of its own: its first z comes from its own seed, its loss is its own, updates work number by
number, batch normalisation is in evaluation mode, and batches have one fixed size. So no result depends on its batch
mates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, logsigmoid, softplus
from torch.optim import SGD, Adam, Optimizer

from baselines import poisson
from baselines.latent.frozen import frozen_copy
from baselines.latent.settings import SearchSettings
from baselines.schedule import share
from bench.methods.base import Inpainter, Sizes, compose, erase
from bench.util.seeds import seed_of

TAIL = 0.04
"""Share of the iterations over which `settled` looks: the last 50 of 1250, where Chandak et al. say it is flat."""
TINY = 1e-12
MOMENTUM = 0.9
"""Of Nesterov's descent, as in the code that Yeh et al. released."""
QUARTERS = ("start", "quarter", "half", "three_quarters")
"""Moments of a search whose losses are kept, beside its end."""


@dataclass(frozen=True)
class Found:
    """What a search found, for each of N images."""

    fill: Tensor
    """float32 (N,3,H,W) in [0,1]: the whole picture G(z)."""
    z: Tensor
    """(N,z_size)."""
    context_loss: Tensor
    """(N,): the context loss of z, as the settings reduce it."""
    prior_loss: Tensor
    """(N,): the weighted prior loss of z."""
    settled: Tensor
    """(N,): |change| of the context loss over the last 4 % of the iterations, over its value before them."""
    course: Tensor
    """(N,2,4): context and weighted prior loss at the start and after each of the first three quarters."""


def context_weights(hole: Tensor, window: int, kind: str) -> Tensor:
    """The weight of each pixel in the context loss, (N,1,H,W) in [0,1], from bool (N,1,H,W), True = missing.

    `yeh`: a known pixel weighs the share of missing ones in the window around it, as far as that lies in the picture
    (Yeh et al. 2017, Eq. (3)). `none`: known pixels weigh 1. `printed`: Hayrapetyan et al. 2017, §3, to the letter:
    missing pixels weigh, by the share of missing ones. `printed_inverted`: the same formula with 1 for missing: known
    pixels weigh, by the share of known ones.
    """
    missing = hole.float()
    if kind == "none":
        return 1 - missing
    counted = 1 - missing if kind == "printed_inverted" else missing
    share = avg_pool2d(counted, window, stride=1, padding=window // 2, count_include_pad=False)
    return missing * share if kind == "printed" else (1 - missing) * share


def prior(score: Tensor, kind: str) -> Tensor:
    """The prior loss before its weight, (N,), from the discriminator's scores (N,): logits, unless `kind` is `critic`.

    `saturating`: log(1 - D), Yeh et al. 2017, Eq. (5). `nonsaturating`: -log D, as in bamos's code. `critic`: -score.
    """
    forms: dict[str, Callable[[Tensor], Tensor]] = {
        "saturating": lambda s: -softplus(s),
        "nonsaturating": lambda s: -logsigmoid(s),
        "critic": lambda s: -s,
    }
    return forms[kind](score)


def first_z(seed: Tensor, restart: int, settings: SearchSettings) -> Tensor:
    """Where the search of each image begins, (N,z_size) on the CPU: a function of the image's seed and the restart."""
    purposes = (seed_of(one, "z", restart) for one in seed.tolist())
    return torch.cat([settings.first(torch.Generator().manual_seed(purpose)) for purpose in purposes])


def search(
    generator: nn.Module, discriminator: nn.Module, image: Tensor, hole: Tensor, seed: Tensor, settings: SearchSettings
) -> Found:
    """Find z for every image: float32 (N,3,H,W) in [0,1], hole bool (N,1,H,W), seed int64 (N,).

    Images are searched `settings.images_at_once` side by side, the last batch padded with copies. The networks are
    left as they are: what is searched are frozen copies. There is no early stop: none could keep results the same.
    """
    needs_discriminator = settings.prior != "none" and settings.prior_weight > 0
    frozen = frozen_copy(generator), frozen_copy(discriminator) if needs_discriminator else None
    size, found = settings.images_at_once, []
    for start in range(0, len(image), size):
        place = torch.arange(start, start + size).clamp(max=len(image) - 1)
        here = place.to(image.device)
        one = _search_batch(*frozen, image[here], hole[here], seed.cpu()[place], settings)
        found.append([getattr(one, field.name)[: len(image) - start] for field in fields(Found)])
    return Found(*(torch.cat(parts) for parts in zip(*found, strict=True)))


class _Objective:
    """The losses of z for one batch. What does not depend on z is worked out once."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module | None,
        image: Tensor,
        hole: Tensor,
        settings: SearchSettings,
    ) -> None:
        self.generator, self.discriminator, self.settings = generator, discriminator, settings
        weights = context_weights(hole, settings.window, settings.context)
        if settings.reduction == "mean":
            weights = weights / image[0].numel() ** (0.5 if settings.norm == "l2" else 1)
        self.weights, self.target = weights, weights * (2 * erase(image, hole) - 1)

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The pictures (N,3,H,W) in [-1,1], the context losses (N,) and the weighted prior losses (N,)."""
        picture = self.generator(z)
        # Yeh et al. 2017, Eq. (4).
        difference = torch.addcmul(-self.target, self.weights, picture)
        sizes = difference.square() if self.settings.norm == "l2" else difference.abs()
        context = sizes.flatten(1).sum(dim=1)
        if self.discriminator is None:
            return picture, context, torch.zeros_like(context)
        return picture, context, self.settings.prior_weight * prior(self.discriminator(picture), self.settings.prior)


def _search_batch(
    generator: nn.Module,
    discriminator: nn.Module | None,
    image: Tensor,
    hole: Tensor,
    seed: Tensor,
    settings: SearchSettings,
) -> Found:
    """All restarts of one batch, and of each image the restart with the lowest loss."""
    objective = _Objective(generator, discriminator, image, hole, settings)
    found = _descend(objective, first_z(seed, 0, settings).to(image.device))
    for restart in range(1, settings.restarts):
        other = _descend(objective, first_z(seed, restart, settings).to(image.device))
        found = _better(found, other)
    return found


def _better(one: Found, other: Found) -> Found:
    """Of each image the search with the lower loss."""
    won = other.context_loss + other.prior_loss < one.context_loss + one.prior_loss
    pairs = ((getattr(one, field.name), getattr(other, field.name)) for field in fields(Found))
    return Found(*(torch.where(won.view(-1, *[1] * (a.dim() - 1)), b, a) for a, b in pairs))


def _descend(objective: _Objective, z: Tensor) -> Found:
    """One search, from `z`."""
    settings, steps = objective.settings, objective.settings.iterations
    z = z.clone().requires_grad_()
    optimizer = _optimizer(z, settings)
    best_z, best_loss = z.detach(), z.new_full((len(z),), math.inf)
    losses: list[Tensor] = []
    for iteration in range(steps):
        with torch.enable_grad():
            _, context, prior_loss = objective(z)
            loss = context + prior_loss
            (z.grad,) = torch.autograd.grad(loss.sum(), z)
        losses.append(torch.stack([context, prior_loss], dim=1).detach())
        with torch.no_grad():
            if settings.keep == "best":
                best_z = torch.where((loss < best_loss)[:, None], z, best_z)
                best_loss = torch.minimum(loss, best_loss)
            for group in optimizer.param_groups:
                group["lr"] = settings.search_learning_rate * share(settings.search_schedule, iteration, steps)
            optimizer.step()
            if settings.clip:
                z.clamp_(-1, 1)
    return _outcome(objective, z.detach(), best_z, best_loss, losses)


def _optimizer(z: Tensor, settings: SearchSettings) -> Optimizer:
    if settings.descent == "nesterov":
        return SGD([z], settings.search_learning_rate, MOMENTUM, nesterov=True)
    return Adam([z], settings.search_learning_rate)


@torch.no_grad()
def _outcome(objective: _Objective, z: Tensor, best_z: Tensor, best_loss: Tensor, losses: list[Tensor]) -> Found:
    """The picture and losses of the z that is kept: the last, or the best of those before it and the last.

    `losses`: context and weighted prior loss, (N,2), before each update.
    """
    picture, context, prior_loss = objective(z)
    steps = len(losses)
    losses = [*losses, torch.stack([context, prior_loss], dim=1)]
    earlier = losses[max(0, steps - max(1, round(TAIL * steps)))][:, 0]
    settled = (context - earlier).abs() / earlier.clamp(min=TINY)
    course = torch.stack([losses[quarter * steps // len(QUARTERS)] for quarter in range(len(QUARTERS))], dim=2)
    if objective.settings.keep == "best":
        z = torch.where((best_loss < context + prior_loss)[:, None], best_z, z)
        picture, context, prior_loss = objective(z)
    return Found((picture + 1) / 2, z, context, prior_loss, settled, course)


def diagnostics(found: Found) -> dict[str, Tensor]:
    """What a search tells of each image, (N,) each: how its losses went, as a table of numbers.

    `context_<moment>` and `prior_<moment>` at QUARTERS, `context_loss` and `prior_loss` of the z that is kept; the
    prior loss has its weight. `context_left`: the context loss at the end over that at the start. `prior_change`: the
    prior loss at the end minus that at the start, below 0 where the discriminator was won over.
    `prior_share`: |prior| over context. `settled`: as in Found.
    """
    told = {
        f"{name}_{moment}": found.course[:, row, column]
        for row, name in enumerate(("context", "prior"))
        for column, moment in enumerate(QUARTERS)
    }
    return told | {
        "context_loss": found.context_loss,
        "prior_loss": found.prior_loss,
        "context_left": found.context_loss / found.course[:, 0, 0].clamp(min=TINY),
        "prior_change": found.prior_loss - found.course[:, 1, 0],
        "prior_share": found.prior_loss.abs() / found.context_loss.clamp(min=TINY),
        "settled": found.settled,
    }


class LatentSearch(Inpainter):
    """Fills holes by search. The raw result is the found picture G(z), with its hole blended in if settings say so.

    Its diagnostics are those of `diagnostics`.
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, settings: SearchSettings, resolution: int
    ) -> None:
        """`resolution`: the side of the generator's pictures, the only size that can be searched."""
        self.generator, self.discriminator, self.settings = generator, discriminator, settings
        self.images_at_once = settings.images_at_once
        self.sizes = Sizes(minimum=resolution, multiple=resolution, maximum=resolution)
        self.diagnostics: dict[str, Tensor] = {}

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        found = search(self.generator, self.discriminator, image, hole, seed, self.settings)
        self.diagnostics = diagnostics(found)
        if self.settings.blend == "none":
            return found.fill
        return compose(found.fill, hole, poisson.blend(image, hole, found.fill))
