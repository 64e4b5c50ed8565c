"""Everything that can be set. The defaults are the paper's, or the ledger's choice (F-..) where the paper is silent.

What short trainings need besides (`init`, `schedule`, `l1_first_steps`, `channels_last`) is as in CA's settings.
"""

from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from baselines.ca.settings import CoarseToFineSettings
from bench.masks.random import RandomRectangle
from bench.methods.base import Supplied
from bench.util.errors import UserError


class FangSettings(CoarseToFineSettings):
    # The generator (§3, §3.1)
    width: int = Field(32, ge=2, le=256, multiple_of=2, description="channels of the generator's first layer (F-2)")
    refine: Literal["coarse_twin", "ca_noattn", "ca_full"] = Field(
        "coarse_twin", description="second network: the first one's twin, or CA's without or with attention (F-2)"
    )
    padding: Literal["reflect", "zeros"] = Field("reflect", description="padding of the generator's layers (F-3)")
    ones_channel: bool = Field(False, description="feed the generator a plane of ones, which marks the border (F-3)")
    norm: Literal["none", "batch"] = Field("none", description="normalisation in the generator (F-1)")
    activation: Literal["elu", "relu"] = Field("elu", description="activation in the generator (Eq. 1)")
    dilations: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (2, 4, 8, 16), min_length=1, max_length=8, description="one dilated layer for each (F-2)"
    )
    loops: int = Field(1, ge=1, le=16, description="times the second network runs, with the same weights (F-8)")
    detach_coarse: bool = Field(
        True, description="train the first network by its own reconstruction loss only (§3); false: as in CA's code"
    )

    # The critics (§3.2, §3.3)
    gan: Literal["wgan_gp", "wgan_clip", "none"] = Field("wgan_gp", description="how critics stay Lipschitz (F-11)")
    critics: Literal["both", "global", "local"] = Field("both", description="which critics there are (§3, Alg. 1)")
    critic_width: int = Field(64, ge=1, le=512, description="channels of a critic's first layer (F-18)")
    conditional: bool = Field(True, description="critics see the damaged picture beside the candidate (§3.2, F-18)")
    n_critic: int = Field(5, ge=1, le=100, description="critic updates for each update of the generator (F-15)")
    gp_weight: float = Field(10.0, ge=0, description="weight of the gradient penalty (F-12)")
    gp_region: Literal["hole", "full"] = Field("hole", description="pixels whose gradient is penalised (§3.3)")
    clip: float = Field(0.01, gt=0, description="bound of the critics' weights under wgan_clip (F-11)")

    # The losses (Alg. 1)
    reconstruction: Literal["l1", "l2", "none"] = Field("l1", description="pixel distance (Alg. 1, §4.2)")
    l1_hole_weight: float = Field(1.2, ge=0, description="weight of the distance in the box around the hole (F-17)")
    l1_known_weight: float = Field(1.2, ge=0, description="weight of the distance on the known pixels (F-17)")
    coarse_weight: float = Field(1.2, ge=0, description="further factor of the first network's distances (F-17)")
    discount_gamma: float | None = Field(
        None, gt=0, le=1, description="discount of the box's distance for each pixel from its edge (F-16)"
    )
    gan_weight: float = Field(1e-3, ge=0, description="weight of the critics in the generator's loss (F-17)")
    perceptual_weight: float = Field(0.0, ge=0, description="weight of the VGG-19 feature distance (F-7)")
    vgg19_file: Supplied = Field(None, description="torchvision's VGG-19 weights, needed for perceptual_weight > 0")

    # The optimisers and the course of training (§4)
    optimizer: Literal["adam", "sgd"] = Field("adam", description="Adam, or plain gradient descent (abstract)")
    learning_rate: float = Field(5e-4, gt=0, le=10, description="for generator and critics alike (§4)")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay (F-20)")
    beta2: float = Field(0.9, ge=0, lt=1, description="Adam's second decay (F-20)")
    weight_decay: float = Field(0.0, ge=0, le=1, description="l2 regularisation of the generator's weights (F-28)")
    batch_size: int = Field(2, ge=1, description="images of one update (§4)")
    epochs: int = Field(40, ge=1, description="passes over the images (F-21)")
    epoch_counts: Literal["generator", "all"] = Field(
        "generator", description="whose batches make up an epoch: the generator's, or the critics' too (F-21)"
    )
    steps: int | None = Field(None, ge=1, description="generator updates; takes the place of epochs (F-21)")

    # The training holes (§4.1)
    hole_share: float = Field(
        0.5, ge=1 / 16, le=0.5, description="side of the box that holds the hole, over the picture's"
    )
    hole_trim: float = Field(
        0.0625, ge=0, lt=0.25, description="most that is trimmed off each side, over the picture's side (F-25)"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.reconstruction == "none" and self.gan == "none" and self.perceptual_weight == 0:
            raise UserError("reconstruction = none and gan = none leave no loss; set one of them to another value.")
        if self.perceptual_weight > 0 and self.vgg19_file is None:
            raise UserError(
                "perceptual_weight > 0 needs vgg19_file, the path of torchvision's vgg19-dcbb9e9d.pth; set it."
            )
        if self.steps is not None and self.gan != "none" and self.l1_first_steps >= self.steps:
            raise UserError(
                f"l1_first_steps = {self.l1_first_steps} leaves no step of steps = {self.steps} to the critics;"
                " lower it, or set gan = none."
            )
        if 2 * self.hole_trim >= self.hole_share:
            raise UserError(
                f"hole_trim = {self.hole_trim} on both sides leaves nothing of hole_share = {self.hole_share};"
                " lower hole_trim."
            )
        return self

    def all_steps(self, images: int) -> int:
        """Generator updates of the whole training: 40 epochs of 25 000 images in pairs are 500 000 (F-21)."""
        batches = 1 if self.epoch_counts == "generator" or self.gan == "none" else self.n_critic + 1
        return self.steps or max(1, self.epochs * images // (self.batch_size * batches))

    def holes(self) -> RandomRectangle:
        """The training holes: 'at most 128x128' in 256x256 (§4.1), sides and place after CA's rule (F-24)."""
        share, trim = (Fraction(x).limit_denominator(256) for x in (self.hole_share, self.hole_trim))
        return RandomRectangle(share.numerator, share.denominator, trim.numerator, trim.denominator)
