"""PICNet: training and inpainting after Zheng et al. 2019 (CVPR), by the released code (lyndonzheng).

A visible part has many fills. The encoder knows a latent distribution of the hidden part: the posterior, from the
hidden part itself, and the prior, from the visible part. Training decodes a draw of each. Inpainting draws from the
prior, so that another seed gives another fill.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import ClassVar, Literal, Self

import torch
from pydantic import ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.optim import Adam

from baselines.holes import HOLES, HOLES_TEXT, HolesName
from baselines.picnet.networks import ATTENDED, Codes, Decoder, Discriminator, Encoder, Gaussian, resized, sizes
from baselines.schedule import Schedule, share
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Sizes, Stage, TrainedSettings, erase, total
from bench.util.errors import UserError
from bench.util.seeds import seed_of

BATCH = 8
"""How many images the inpainter fills at once."""
Paths = tuple[list[Tensor], list[Tensor]]
"""Results from the posterior and from the prior, each of growing size."""


class PicnetSettings(TrainedSettings):
    """The defaults are those of the released code for the models that fill the centre."""

    model_config = ConfigDict(allow_inf_nan=False)

    width: int = Field(32, ge=4, le=256, description="channels of the first layer of every network")
    z_size: int = Field(128, ge=1, le=1024, description="numbers at each place of the latent map")
    layers: int = Field(
        5, ge=3, le=8, description="halvings down to the latent map; results have all but one size less"
    )
    prior_blocks: int = Field(6, ge=0, le=16, description="blocks from the visible part's features to the prior")
    reconstruction_weight: float = Field(20.0, ge=0, description="weight of l1, at every size of a result")
    kl_weight: float = Field(20.0, ge=0, description="weight of the divergences, times the number of sizes")
    gan_weight: float = Field(1.0, ge=0, description="weight of what the discriminators say")
    holes: HolesName = Field("center", description=HOLES_TEXT)
    learning_rate: float = Field(1e-4, gt=0, le=1, description="of encoder and decoder")
    critic_rate: float = Field(1.0, gt=0, le=10, description="the discriminators' learning rate, over learning_rate")
    beta1: float = Field(0.0, ge=0, lt=1, description="Adam's first decay")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second decay")
    schedule: Schedule = Field(
        "constant", description="learning rate over all steps; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(20, ge=1, description="images of one update (P-5)")
    steps: int = Field(1_000_000, ge=1, description="updates (P-5)")
    l1_first_steps: int = Field(
        0, ge=0, description="updates before the discriminators join, out of all; for short trainings"
    )
    samples: int = Field(1, ge=1, le=64, description="fills that are drawn for each picture")
    shown: Literal["first", "mean"] = Field("first", description="the result: the first fill, or the mean of all")

    @model_validator(mode="after")
    def _discriminators_train(self) -> Self:
        if self.l1_first_steps >= self.steps:
            found = f"l1_first_steps = {self.l1_first_steps} leaves no step of steps = {self.steps}"
            raise UserError(f"{found} to the discriminators; lower it.")
        return self


def prior_sigma(hole: Tensor) -> Tensor:
    """What the posterior's deviation is drawn to, (N,1,1,1): the more is visible, the less there is to vary."""
    visible = (~hole).float().mean(dim=(1, 2, 3), keepdim=True) - 1e-5
    return torch.sigmoid(-8 * (visible - 0.8))


def divergence(one: Gaussian, other: Gaussian) -> Tensor:
    """KL(one || other) in nats, mean over all numbers of the latent maps and over the images."""
    first, second = (Normal(each.mean, each.std, validate_args=False) for each in (one, other))
    return kl_divergence(first, second).mean()


class TwoPaths(Stage):
    """One update of both discriminators, then one of encoder and decoder, with the same pictures and fills.

    Encoder and decoder alone are trained where no discriminator is among the networks.
    """

    def __init__(self, method: "Picnet", networks: Mapping[str, nn.Module], first: int, steps: int) -> None:
        """`first`: how many steps of the whole training come before this stage."""
        self.settings, self.networks = method.settings, dict(networks)
        self.first, self.steps, self.batch_size = first, steps, self.settings.batch_size
        self.holes = HOLES[self.settings.holes]
        self.judged = "discriminator" in networks
        self.name = "two_paths" if self.judged else "without_discriminators"
        self.optimizers = {"generator": self.adam("generator", self.weights("encoder", "decoder"))}
        if self.judged:
            judges = self.weights("discriminator", "discriminator_rec")
            self.blind = {"discriminator": 0.25, "discriminator_rec": 0.25}  # least squares, at scores of 1/2
            self.optimizers["discriminator"] = self.adam("discriminator", judges)

    def weights(self, *names: str) -> list[nn.Parameter]:
        return [weight for name in names for weight in self.networks[name].parameters()]

    def adam(self, role: str, weights: Iterable[nn.Parameter]) -> Adam:
        return Adam(weights, self.rate(role), (self.settings.beta1, self.settings.beta2), fused=True)

    def rate(self, role: str) -> float:
        """The learning rate of a role, before the schedule's factor."""
        return self.settings.learning_rate * (self.settings.critic_rate if role == "discriminator" else 1.0)

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        image, hole = feed.batch()
        truth = 2 * image - 1
        codes: Codes = self.networks["encoder"](erase(truth, hole), erase(truth, ~hole))
        recovered, generated = self.both_paths(codes, hole, feed.rng)
        terms = self.divergences(codes, hole) | self.distances((recovered, generated), truth, hole)
        scalars = {}
        if self.judged:
            scalars = self.update_discriminators(truth, generated[-1].detach(), recovered[-1].detach())
            terms |= self.adversarial_losses(truth, generated[-1], recovered[-1])
        return self.minimise_sum("generator", terms) | scalars

    def follow_schedule(self, step: int) -> None:
        """Learning rates as at `step` of this stage."""
        factor = share(self.settings.schedule, self.first + step, self.settings.steps)
        for role in self.optimizers:
            self.set_learning_rate(factor * self.rate(role), role)

    def both_paths(self, codes: Codes, hole: Tensor, rng: torch.Generator) -> Paths:
        """Results at every size from a draw of the posterior, and of the prior: the two paths."""
        assert codes.posterior is not None
        ends = [codes.posterior, codes.prior]
        noise = torch.randn(2, *codes.prior.mean.shape, generator=rng).to(hole.device, non_blocking=True)
        z = torch.cat([end.mean + end.std * one for end, one in zip(ends, noise, strict=True)])
        deep, context, visible = (x.repeat(2, 1, 1, 1) for x in (codes.deep, codes.context, (~hole).float()))
        halves = [result.chunk(2) for result in self.networks["decoder"](z, deep, context, visible)]
        return [first for first, _ in halves], [second for _, second in halves]

    def divergences(self, codes: Codes, hole: Tensor) -> dict[str, Tensor]:
        """Of the posterior from a fixed normal distribution, and of the prior from the posterior."""
        posterior, prior, settings = codes.posterior, codes.prior, self.settings
        assert posterior is not None
        weight = settings.kl_weight * (settings.layers - ATTENDED)
        fixed = Gaussian(torch.zeros_like(posterior.mean), prior_sigma(hole).expand_as(posterior.std))
        taught = Gaussian(posterior.mean.detach(), posterior.std.detach())
        pairs = {"kl_posterior": (fixed, posterior), "kl_prior": (taught, prior)}
        return {name: weight * divergence(*pair) for name, pair in pairs.items()}

    def distances(self, both: Paths, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """l1 at every size: over the whole picture from the posterior, over the visible part from the prior."""
        recovered, generated = both
        known, weight = (~hole).to(truth.dtype), self.settings.reconstruction_weight
        whole = total((one - resized(truth, one)).abs().mean() for one in recovered)
        part = total(((one - resized(truth, one)) * resized(known, one)).abs().mean() for one in generated)
        return {"l1_posterior": weight * whole, "l1_prior": weight * part}

    def update_discriminators(self, truth: Tensor, generated: Tensor, recovered: Tensor) -> dict[str, Tensor]:
        """Least squares: 1 for the truth, 0 for a result; one discriminator for each path."""
        found = {}
        for name, fake in (("discriminator", generated), ("discriminator_rec", recovered)):
            network = self.networks[name]
            found[name] = ((network(truth) - 1).square().mean() + network(fake).square().mean()) / 2
        self.minimise("discriminator", total(found.values()))
        return {name: loss.detach() for name, loss in found.items()}

    def adversarial_losses(self, truth: Tensor, generated: Tensor, recovered: Tensor) -> dict[str, Tensor]:
        """The prior's path is to be taken for true; the posterior's is to get the very scores of its truth."""
        weight, network = self.settings.gan_weight, self.networks["discriminator_rec"]
        with self.frozen("discriminator", "discriminator_rec"):
            adversarial = (self.networks["discriminator"](generated) - 1).square().mean()
            matching = (network(recovered) - network(truth)).square().mean()
        return {"adversarial": weight * adversarial, "matching": weight * matching}


class Sampler(Inpainter):
    """Fills holes from draws of the prior, each a function of the image's seed and the draw's number alone.

    Diagnostics of more than one draw: `diversity`, 100 x mean |difference| of two fills in the hole, over all pairs.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, settings: PicnetSettings) -> None:
        self.encoder, self.decoder, self.settings = encoder, decoder, settings
        self.sizes: Sizes = sizes(settings.layers)
        self.diagnostics: dict[str, Tensor] = {}

    @torch.no_grad()
    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        networks = nn.ModuleList([self.encoder, self.decoder])
        mode = self.encoder.training
        networks.eval()
        # Batches of one fixed size, the last one padded with copies: kernels, and so bits, depend on the size.
        parts = []
        for start in range(0, len(image), BATCH):
            place = torch.arange(start, start + BATCH).clamp(max=len(image) - 1)
            here = place.to(image.device)
            fills = self._draws(image[here], hole[here], seed.cpu()[place])
            parts.append(fills[:, : len(image) - start])
        networks.train(mode)
        fills = torch.cat(parts, dim=1)
        self.diagnostics = {"diversity": diversity(fills.cpu(), hole.cpu())} if len(fills) > 1 else {}
        return fills[0] if self.settings.shown == "first" else fills.mean(dim=0)

    def _draws(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        """(`samples`,N,3,H,W) in [0,1]."""
        codes: Codes = self.encoder(erase(2 * image - 1, hole))
        visible, found = (~hole).to(image.dtype), []
        for number in range(self.settings.samples):
            noise = latent_noise(seed, number, codes.prior.mean.shape[1:]).to(image.device)
            z = codes.prior.mean + codes.prior.std * noise
            found.append(self.decoder(z, codes.deep, codes.context, visible)[-1])
        return (torch.stack(found) + 1) / 2


def latent_noise(seed: Tensor, number: int, shape: torch.Size) -> Tensor:
    """Standard normal numbers (N,*shape) on the CPU for the draw `number` of each image, from its own seed."""
    generators = (torch.Generator().manual_seed(seed_of(one, "latent", number)) for one in seed.tolist())
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])


def diversity(fills: Tensor, hole: Tensor) -> Tensor:
    """Mean |difference| in the hole, in % of the range, over all pairs of K fills (K,N,3,H,W); 0 without a hole."""
    gaps = torch.stack([(one - other).abs() for one, other in combinations(fills.double(), 2)]).mean(dim=0)
    missing = fills.shape[2] * hole.sum(dim=(1, 2, 3)).clamp(min=1)
    return 100 * (gaps * hole).sum(dim=(1, 2, 3)) / missing


class Picnet(Method):
    """PICNet: many fills for one hole, by a conditional variational network with GANs (Zheng et al. 2019, CVPR)."""

    settings_class = PicnetSettings
    settings: PicnetSettings
    after_training: ClassVar[frozenset[str]] = frozenset({"samples", "shown"})

    def __init__(self, settings: PicnetSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        width, layers, side = settings.width, settings.layers, data.resolution
        if side % 2**layers or side < 3 * 2**layers:
            found = f"A resolution of {side} cannot be halved {layers} times down to 3 pixels or more"
            raise UserError(f"{found}; take fewer layers or another resolution.")
        self.encoder = Encoder(width, settings.z_size, layers, settings.prior_blocks)
        self.decoder = Decoder(width, settings.z_size, layers)
        self.discriminators = {name: Discriminator(width, layers) for name in ("discriminator", "discriminator_rec")}
        for network in self.networks().values():
            network.to(memory_format=torch.channels_last)  # a sixth faster on a processor

    def networks(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "decoder": self.decoder, **self.discriminators}

    def stages(self) -> Sequence[Stage]:
        """The authors' one; before it, where a short training asks for it, one without discriminators.

        Each stage starts its own optimisers: a training that is resumed between two stages has no others.
        """
        alone, steps = self.settings.l1_first_steps, self.settings.steps
        pair = {"encoder": self.encoder, "decoder": self.decoder}
        first = [TwoPaths(self, pair, 0, alone)] if alone else []
        return [*first, TwoPaths(self, self.networks(), alone, steps - alone)]

    def inpainter(self) -> Inpainter:
        return Sampler(self.encoder, self.decoder, self.settings)


METHOD = Picnet
