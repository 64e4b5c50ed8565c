"""Everything that can be set. The defaults are the paper's, or the ledger's choice (C..) where the paper is silent."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from baselines.latent.settings import SearchSettings, WganSettings
from bench.util.errors import UserError


class ChandakSettings(WganSettings, SearchSettings):
    model_config = ConfigDict(allow_inf_nan=False)

    # The Wasserstein GAN (§3.2, §3.3, §4)
    z_prior: Literal["uniform", "normal"] = Field("normal", description="z is drawn from U[-1,1], or from N(0,1) (C8)")
    batch_size: int = Field(128, ge=2, description="images of one update (§4)")
    epochs: int = Field(10_000, ge=1, description="length of the GAN's training, in what epochs_are says (§4)")
    epochs_are: Literal["generator_steps", "epochs"] = Field(
        "generator_steps", description="what the paper counts: updates of the generator, or passes over the images (C9)"
    )
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Adam's, for both networks (C8)")
    beta1: float = Field(0.0, ge=0, lt=1, description="Adam's first decay (C8)")
    beta2: float = Field(0.9, ge=0, lt=1, description="Adam's second decay (C8)")
    flip: bool = Field(False, description="half of the training images are mirrored")
    kernel: int = Field(5, ge=3, le=7, description="side of the kernels of generator and critic (C5)")
    critic_norm: Literal["layer", "none"] = Field("layer", description="normalisation in the critic (C5)")
    penalty_on: Literal["segment", "fake"] = Field(
        "segment", description="where the gradient is penalised: between real and fake, or at the fake (C7)"
    )

    # The search (§3.4, §4)
    iterations: int = Field(1250, ge=0, description="updates of z by Adam (C14)")
    clip: bool = Field(False, description="z is kept in [-1,1] after each update (C15)")
    context: Literal["yeh", "none", "printed", "printed_inverted"] = Field(
        "none", description="weights of the known pixels: none by Eq. (5), or others' (C11)"
    )
    prior_weight: float = Field(0.1, ge=0, description="Q in Eq. (7), the weight of the perceptual loss (C13)")
    blend: Literal["none", "poisson"] = Field("none", description="how the found picture enters the hole (Eq. 4)")

    # The enhancement (§3.5, §4)
    enhance: bool = Field(True, description="enhance the completed picture; false: it is the result (§3.5)")
    enhancement_depth: int = Field(17, ge=2, le=64, description="layers of the enhancement network (C16)")
    enhancement_width: int = Field(64, ge=1, le=256, description="maps of its inner layers (C16)")
    enhancement_images: int = Field(2000, ge=1, description="training images that it learns from, at most (§3.1)")
    enhancement_epochs: int = Field(200, ge=1, description="passes over these (§4)")
    enhancement_steps: int | None = Field(None, ge=1, description="steps of its training, in place of epochs")
    enhancement_batch_size: int = Field(32, ge=2, description="pictures of one update (C19)")
    enhancement_learning_rate: float = Field(1e-3, gt=0, le=1, description="Adam's; a tenth of it after 60 % (C19)")
    pairs: Literal["completed", "blur"] = Field(
        "completed", description="what it learns from: pictures that the GAN completed, or blurred ones (C18)"
    )
    pair_iterations: int = Field(1250, ge=0, description="updates of z for a picture to learn from (C14)")
    pair_learning_rate: float = Field(0.01, gt=0, description="Adam's, for that z (C14)")
    blur_low: float = Field(0.0, ge=0, le=10, description="smallest sigma of `pairs = blur`, in pixels (C18)")
    blur_high: float = Field(2.0, ge=0, le=10, description="largest sigma of `pairs = blur`, in pixels (C18)")
    blur_side: int = Field(7, ge=1, le=31, description="side of the blur's window, in pixels; odd (C18)")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.blur_low > self.blur_high:
            raise UserError(f"blur_low = {self.blur_low} is above blur_high = {self.blur_high}; lower it.")
        if self.blur_side % 2 == 0:
            raise UserError(f"blur_side = {self.blur_side} has no middle pixel; take an odd number.")
        return self

    def gan_steps(self, images: int) -> int:
        """Generator updates of the GAN's training on `images` images: 10,000, or by passes of the critic (C9)."""
        if self.steps is not None:
            return self.steps
        if self.epochs_are == "generator_steps":
            return self.epochs
        return max(1, self.epochs * images // (self.batch_size * self.n_critic))

    def all_enhancement_steps(self, images: int) -> int:
        """Updates of the enhancement network: 200 passes over 2,000 pictures by 32 are 12,500."""
        passes = self.enhancement_epochs * min(images, self.enhancement_images)
        return self.enhancement_steps or max(1, passes // self.enhancement_batch_size)

    def pair_search(self) -> SearchSettings:
        """The search for completed pictures to learn from, as printed.

        It follows none of the settings that a training must not depend on (`Method.after_training`).
        """
        return SearchSettings(
            z_size=self.z_size,
            z_prior=self.z_prior,
            iterations=self.pair_iterations,
            search_learning_rate=self.pair_learning_rate,
            clip=self.z_prior == "uniform",
            context="none",
            prior_weight=0.1,
            blend="none",
        )


ENHANCEMENT_SETTINGS = frozenset(
    {"enhancement_depth", "enhancement_width", "enhancement_images", "enhancement_epochs", "enhancement_steps"}
    | {"enhancement_batch_size", "enhancement_learning_rate", "pairs", "pair_iterations", "pair_learning_rate"}
    | {"blur_low", "blur_high", "blur_side"}
)
"""Settings that the GAN's training does not depend on."""
