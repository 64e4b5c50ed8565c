"""Everything that can be set. The defaults are the paper's, or the ledger's choice (H..) where the paper is silent."""

from typing import Literal

from pydantic import ConfigDict, Field

from baselines.latent.networks import Activation
from baselines.latent.settings import DcganSettings, SearchSettings


class HuangSettings(DcganSettings, SearchSettings):
    model_config = ConfigDict(allow_inf_nan=False)

    # The networks (§3.1)
    generator_activation: Activation = Field("leaky_relu", description="activation in the generator (§3.1, H3)")
    critic_activation: Activation = Field("relu", description="activation in the discriminator (§3.1, H3)")
    slope: float = Field(0.2, ge=0, lt=1, description="slope of LeakyReLU below 0 (H4)")
    critic_norm_first: bool = Field(True, description="the discriminator's first layer is normalised too (§3.1, H1)")
    framework: Literal["dcgan", "keras"] = Field(
        "dcgan", description="first weights and constants of batch normalisation: DCGAN's, or TensorFlow 2.6's (H6)"
    )

    # The training (§4)
    training_images: int = Field(3000, ge=2, description="images that the networks learn from, at most (§4)")
    epochs: int = Field(1000, ge=1, description="passes over these (§4)")
    g_steps: int = Field(2, ge=1, le=16, description="generator updates for each update of the discriminator (§4)")
    flip: bool = Field(False, description="half of the training images are mirrored")

    # The search (§2.2, §3.2)
    iterations: int = Field(1000, ge=0, description="updates of z by Adam (H13)")
    prior: Literal["saturating", "nonsaturating", "critic", "none"] = Field(
        "nonsaturating", description="prior loss: log(1-D), -log D, minus the logit, or none (H13)"
    )
    prior_weight: float = Field(0.1, ge=0, description="weight of the prior loss (H13)")
    blend: Literal["none", "poisson"] = Field("none", description="how the found picture enters the hole (Eq. 1, H14)")
