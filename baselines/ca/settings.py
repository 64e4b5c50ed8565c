"""Everything that can be set for CA. The defaults are those of the authors' code, version 1 (their inpaint.yml)."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from bench.methods.base import TrainedSettings
from bench.util.errors import UserError


class CaSettings(TrainedSettings):
    model_config = ConfigDict(allow_inf_nan=False)

    # The generator
    width: int = Field(32, ge=2, le=256, multiple_of=2, description="channels of the generator's first layer")
    attention: bool = Field(True, description="the second network has the branch with contextual attention")
    dilations: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (2, 4, 8, 16), min_length=1, max_length=8, description="one dilated layer for each"
    )
    init: Literal["default", "near_identity"] = Field(
        "default", description="first weights: PyTorch's, or close to the identity, for short trainings"
    )

    # The critics
    critic_width: int = Field(64, ge=1, le=512, description="channels of a critic's first layer")
    n_critic: int = Field(5, ge=1, le=100, description="critic updates for each update of the generator")
    gp_weight: float = Field(10.0, ge=0, description="weight of the gradient penalty, which counts in the hole only")

    # The generator's losses
    l1_weight: float = Field(1.2, ge=0, description="weight of the discounted l1 in the box around the hole")
    known_weight: float = Field(1.2, ge=0, description="weight of the l1 on the known pixels")
    coarse_weight: float = Field(1.2, ge=0, description="further factor of the first network's l1")
    discount_gamma: float = Field(
        0.9, gt=0, le=1, description="discount for each pixel from the box's edge; 1: none (C-3)"
    )
    gan_weight: float = Field(1e-3, ge=0, description="weight of the critics in the generator's loss")

    # The course of training
    learning_rate: float = Field(1e-4, gt=0, le=10, description="for generator and critics alike")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay")
    beta2: float = Field(0.9, ge=0, lt=1, description="Adam's second decay")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="learning rate over all steps; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(16, ge=1, description="images of one update")
    steps: int = Field(150_000, ge=1, description="generator updates (C-5); the code's own limit is 1 000 000")
    l1_first_steps: int = Field(
        0, ge=0, description="generator updates before the critics join, out of all; for short trainings"
    )
    channels_last: bool = Field(True, description="memory layout of the networks; faster on most machines")

    @model_validator(mode="after")
    def _critics_train(self) -> Self:
        if self.l1_first_steps >= self.steps:
            found = f"l1_first_steps = {self.l1_first_steps} leaves no step of steps = {self.steps} to the critics"
            raise UserError(f"{found}; lower it.")
        return self
