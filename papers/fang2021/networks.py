"""The two-stage generator (§3, Fig. 2) and the two critics (§3, §3.2). Colours are in [-1,1], 0 in the hole (F-4).

The paper shows its layers in figures only. They are taken from CA, whose text its §3 repeats (F-2): the first network
twice, 4 input planes, reflection padding, ELU, no normalisation: 2 x 1,447,427 parameters. The critics keep CA's zero
padding: they are not part of the network that §3 describes.
"""

from math import sqrt

from torch import nn

from baselines.ca.networks import (
    Coarse,
    Generator,
    OneStage,
    RefineWithAttention,
    RefineWithoutAttention,
    Style,
    global_critic,
    local_critic,
    near_identity,
)
from bench.methods.base import Sizes
from bench.util.errors import UserError

from .settings import FangSettings

REFINE = {"coarse_twin": Coarse, "ca_noattn": RefineWithoutAttention, "ca_full": RefineWithAttention}


def generator(settings: FangSettings) -> Generator | OneStage:
    """Both networks of §3, in one style; or the first one alone."""
    style = Style(settings.padding, settings.activation, settings.norm)
    inside = 5 if settings.ones_channel else 4
    # The number of weights grows as the square of the width.
    width = 2 * round(settings.width / sqrt(2)) if settings.widened else settings.width
    coarse = Coarse(inside, width, settings.dilations, style)
    found = with_refinement(settings, coarse, style) if settings.refine != "none" else OneStage(coarse, inside == 5)
    if settings.init == "near_identity":
        near_identity(found)
    return found


def with_refinement(settings: FangSettings, coarse: nn.Module, style: Style) -> Generator:
    """The first network, and the second one behind it."""
    inside = 5 if settings.ones_channel else 4
    refine = REFINE[settings.refine](inside, settings.width, settings.dilations, style)
    # §3: "trained with reconstruction losses" is taken at its word, so no gradient of the second network enters
    # the first. In CA's code it does, through the paste. Without a reconstruction loss there is no other gradient.
    detach = settings.detach_coarse and settings.reconstruction != "none"
    return Generator(coarse, refine, settings.ones_channel, settings.loops, detach)


def discriminators(settings: FangSettings, resolution: int) -> dict[str, nn.Module]:
    """The paper's critics; none without a GAN. The local one sees a box of half the picture's side."""
    if settings.gan == "none":
        return {}
    inside = 6 if settings.conditional else 3
    found: dict[str, nn.Module] = {}
    if settings.critics in ("both", "global"):
        found["discriminator_global"] = global_critic(inside, resolution, settings.critic_width)
    if settings.critics in ("both", "local"):
        found["discriminator_local"] = local_critic(inside, resolution // 2, settings.critic_width)
    return found


def sizes(settings: FangSettings) -> Sizes:
    """The picture sizes that the generator takes.

    Features have a quarter of the picture's side, attention halves that again, and reflection needs a side greater
    than the padding, which is the dilation.
    """
    multiple = 8 if settings.refine == "ca_full" else 4
    least = 4 * (max(settings.dilations) + 1) if settings.padding == "reflect" else multiple
    return Sizes(minimum=-(-least // multiple) * multiple, multiple=multiple)


def check_resolution(settings: FangSettings, resolution: int) -> None:
    """Raise UserError unless the training images fit."""
    fit = sizes(settings)
    if resolution % fit.multiple:
        raise UserError(f"A resolution of {resolution} is not a multiple of {fit.multiple}; take one that is.")
    if resolution < fit.minimum:
        raise UserError(
            f"dilations = {list(settings.dilations)} with padding = {settings.padding} need pictures of at least"
            f" {fit.minimum} pixels, these have {resolution}; take smaller dilations or padding = zeros."
        )
