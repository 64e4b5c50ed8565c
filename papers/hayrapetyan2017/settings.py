"""Everything that can be set. The defaults are the paper's, or the ledger's choice (Y..) where the paper is silent."""

from typing import Literal

from pydantic import Field

from baselines.latent.settings import SEARCH_SETTINGS, DcganSettings, SearchSettings
from baselines.srgan.training import SrganSettings


class HayrapetyanSettings(DcganSettings, SearchSettings, SrganSettings):
    # DCGAN's own Theano code for faces (Y8)
    width: int = Field(128, ge=1, le=256, description="channels of the layers next to the picture, in both networks")
    batch_size: int = Field(128, ge=2, description="images of one update")
    weight_decay: float = Field(1e-5, ge=0, le=1, description="l2 regularisation of both networks' weights")
    flip: bool = Field(False, description="half of the training images are mirrored")
    in_turn: bool = Field(
        True, description="a batch of images, and a z, for one network at a time: half the steps of an epoch"
    )
    prior_weight: float = Field(0.1, ge=0, description="lambda, the weight of the prior loss (Y3)")

    # From the picture's size to the search's and back (§6)
    search_resolution: int = Field(64, description="side of the generator's pictures, in pixels")
    reduce: Literal["bicubic", "area"] = Field("bicubic", description="how pictures become small (Y14)")
    under_hole: Literal["nothing", "mean"] = Field(
        "nothing", description="what the hole holds while a picture is reduced: no weight, or the known mean (Y16)"
    )
    enlarge: Literal["srgan", "srresnet", "bicubic"] = Field(
        "srgan", description="how the completed picture becomes large; srresnet: the network by squared error alone"
    )
    merge: Literal["paste", "poisson"] = Field("paste", description="how the large fill enters the picture (Y15)")
    allow_larger: bool = Field(False, description="take pictures of more than four times the search's side (Y14)")


AFTER_TRAINING = SEARCH_SETTINGS | {"under_hole", "enlarge", "merge", "allow_larger"}
"""Settings that no training depends on."""
