"""Everything that can be set for CA. The defaults are those of the authors' code, version 1 (their inpaint.yml)."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from baselines.schedule import Schedule
from bench.masks.family import Family
from bench.masks.random import RandomRectangle
from bench.methods.base import TrainedSettings
from bench.util.errors import UserError


class CoarseToFineSettings(TrainedSettings):
    """Settings of `CoarseToFine` (training.py) and its networks. A method with another default repeats the field."""

    model_config = ConfigDict(allow_inf_nan=False)

    # The networks
    width: int = Field(32, ge=2, le=256, multiple_of=2, description="channels of the generator's first layer")
    dilations: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (2, 4, 8, 16), min_length=1, max_length=8, description="one dilated layer for each"
    )
    init: Literal["default", "near_identity"] = Field(
        "default", description="first weights: PyTorch's, or close to the identity, for short trainings"
    )
    critic_width: int = Field(64, ge=1, le=512, description="channels of a critic's first layer")
    channels_last: bool = Field(True, description="memory layout of the networks; faster on most machines")

    # The losses
    coarse_weight: float = Field(1.2, ge=0, description="further factor of the first network's l1")
    gan_weight: float = Field(1e-3, ge=0, description="weight of the critics in the generator's loss")
    gp_weight: float = Field(10.0, ge=0, description="weight of the gradient penalty, which counts in the hole only")

    # The course of training
    n_critic: int = Field(5, ge=1, le=100, description="critic updates for each update of the generator")
    learning_rate: float = Field(1e-4, gt=0, le=10, description="for generator and critics alike")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay")
    beta2: float = Field(0.9, ge=0, lt=1, description="Adam's second decay")
    schedule: Schedule = Field(
        "constant", description="learning rate over all steps; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(16, ge=1, description="images of one update")
    l1_first_steps: int = Field(
        0, ge=0, description="generator updates before the critics join, out of all; for short trainings"
    )

    def all_steps(self, images: int) -> int:
        """Generator updates of the whole training on `images` images."""
        raise NotImplementedError

    def holes(self) -> Family:
        """The training holes; each lies in a box of half the picture's side."""
        return RandomRectangle()


class CaSettings(CoarseToFineSettings):
    attention: bool = Field(True, description="the second network has the branch with contextual attention")
    l1_weight: float = Field(1.2, ge=0, description="weight of the discounted l1 in the box around the hole")
    known_weight: float = Field(1.2, ge=0, description="weight of the l1 on the known pixels")
    discount_gamma: float = Field(
        0.9, gt=0, le=1, description="discount for each pixel from the box's edge; 1: none (C-3)"
    )
    steps: int = Field(150_000, ge=1, description="generator updates (C-5); the code's own limit is 1 000 000")

    def all_steps(self, images: int) -> int:
        return self.steps

    @model_validator(mode="after")
    def _critics_train(self) -> Self:
        if self.l1_first_steps >= self.steps:
            found = f"l1_first_steps = {self.l1_first_steps} leaves no step of steps = {self.steps} to the critics"
            raise UserError(f"{found}; lower it.")
        return self
