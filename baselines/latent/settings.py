"""Settings that the latent-search methods share. The defaults are Yeh et al. 2017, or DCGAN where they are silent."""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from baselines.schedule import Schedule
from bench.methods.base import TrainedSettings
from bench.util.errors import UserError


class VectorSettings(TrainedSettings):
    """The vector z from which a generator makes a picture. Training and search draw it alike."""

    # Matrix products of other sizes treat the rows of a batch unlike on some CPUs: results would hang on batch mates.
    z_size: int = Field(100, ge=4, le=4096, multiple_of=4, description="numbers in the vector z")
    z_prior: Literal["uniform", "normal"] = Field("uniform", description="z is drawn from U[-1,1], or from N(0,1)")

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` vectors (count,z_size) on the CPU."""
        if self.z_prior == "normal":
            return torch.randn(count, self.z_size, generator=generator)
        return 2 * torch.rand(count, self.z_size, generator=generator) - 1


class GanSettings(VectorSettings):
    """What both kinds of GAN share."""

    width: int = Field(64, ge=1, le=256, description="channels of the layers next to the picture, in both networks")
    batch_size: int = Field(64, ge=2, description="images of one update")
    epochs: int = Field(25, ge=1, description="passes over the images")
    steps: int | None = Field(None, ge=1, description="steps of the training; takes the place of epochs")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="Adam's, for both networks")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second decay")
    schedule: Schedule = Field("constant", description="course of the learning rate; cosine: falls to 0")
    average: float = Field(
        0.0, ge=0, lt=1, description="decay of a running mean of the generator's weights, which then draws; 0: the last"
    )
    weight_decay: float = Field(0.0, ge=0, le=1, description="l2 regularisation of both networks' weights")
    flip: bool = Field(True, description="half of the training images are mirrored")
    training_images: int | None = Field(
        None, ge=2, description="images that the GAN learns from, at most; the number of its updates stays as it is"
    )
    architecture: Literal["dcgan", "connected"] = Field(
        "dcgan", description="both networks: DCGAN's, or fully connected ones as those of GANs before it"
    )


class DcganSettings(GanSettings):
    """Training by the two-class loss (AdversarialStage)."""

    g_steps: int = Field(1, ge=1, le=16, description="generator updates for each update of the discriminator")
    generator_loss: Literal["nonsaturating", "saturating"] = Field(
        "nonsaturating", description="what the generator minimises: -log D, or log(1-D)"
    )
    in_turn: bool = Field(
        False, description="a batch of images, and a z, for one network at a time: half the steps of an epoch"
    )

    def gan_steps(self, images: int) -> int:
        """Steps of the training on `images` images, each one update of the discriminator."""
        batches = self.epochs * images // self.batch_size
        return self.steps or max(1, batches // 2 if self.in_turn else batches)


class WganSettings(GanSettings):
    """Training by the Wasserstein distance with a gradient penalty (WassersteinStage)."""

    n_critic: int = Field(5, ge=1, le=100, description="discriminator updates for each update of the generator")
    gp_weight: float = Field(10.0, ge=0, description="weight of the gradient penalty")


class SearchSettings(VectorSettings):
    """The search for the vector whose picture fits the known pixels (search.py)."""

    iterations: int = Field(1500, ge=0, description="updates of z")
    descent: Literal["adam", "nesterov"] = Field(
        "adam", description="what updates z: Adam, or gradient descent with Nesterov's momentum of 0.9"
    )
    search_learning_rate: float = Field(0.01, gt=0, description="learning rate for z")
    search_schedule: Schedule = Field("constant", description="course of that rate; cosine: falls to 0")
    start: Literal["prior", "normal"] = Field(
        "prior", description="where a search begins: at a z drawn as in training, or from N(0,1)"
    )
    clip: bool = Field(True, description="z is kept in [-1,1] after each update")
    context: Literal["yeh", "none", "printed", "printed_inverted"] = Field(
        "yeh", description="weights of the known pixels: Yeh's Eq. (3), none, or as Hayrapetyan's formula is printed"
    )
    window: int = Field(7, ge=1, le=255, description="side of the window that the weights look at, in pixels; odd")
    norm: Literal["l1", "l2"] = Field("l1", description="what the context loss sums: |difference|, or its square")
    reduction: Literal["sum", "mean"] = Field("sum", description="of the context loss over pixels and channels")
    prior: Literal["saturating", "nonsaturating", "critic", "none"] = Field(
        "saturating", description="prior loss: log(1-D), -log D, minus the discriminator's score, or none"
    )
    prior_weight: float = Field(0.003, ge=0, description="weight of the prior loss")
    restarts: int = Field(1, ge=1, le=64, description="searches of an image; the one with the lowest loss counts")
    keep: Literal["last", "best"] = Field("last", description="the last z of a search, or the one of lowest loss")
    blend: Literal["none", "poisson"] = Field("poisson", description="how the found picture enters the hole")
    images_at_once: int = Field(64, ge=1, le=128, description="images searched side by side; moves last bits only")

    def first(self, generator: torch.Generator) -> Tensor:
        """Where a search begins, (1,z_size) on the CPU."""
        if self.start == "normal":
            return torch.randn(1, self.z_size, generator=generator)
        return self.draw(1, generator)

    @model_validator(mode="after")
    def _window_has_a_middle(self) -> Self:
        if self.window % 2 == 0:
            raise UserError(f"window = {self.window} has no middle pixel; take an odd number.")
        return self

    def for_preview(self) -> Self:
        """The same search, short enough for the picture grids of a training."""
        return self.model_copy(update={"iterations": min(self.iterations, 50), "restarts": 1, "images_at_once": 8})


SEARCH_SETTINGS: frozenset[str] = frozenset(SearchSettings.model_fields) - frozenset(VectorSettings.model_fields)
"""Settings that no training depends on, for `Method.after_training`."""
