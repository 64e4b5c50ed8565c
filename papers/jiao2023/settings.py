"""Everything that can be set. The defaults are the paper's, or the ledger's choice (J-..) where the paper is silent.

Network, losses and phases are GLCIC's, so the settings are too; what is repeated here has another default.
"""

from typing import Literal

from pydantic import Field

from baselines.gated import GateOrder
from baselines.glcic.networks import Activation, Skips
from baselines.glcic.settings import GlcicSettings


class JiaoSettings(GlcicSettings):
    # The image inpainting module (§3.2, §3.3, Table 1)
    gated: Literal["table", "text", "updown", "all", "none"] = Field("table", description="which rows are gated (J-1)")
    gate_order: GateOrder = Field(
        "gate_first", description="gate, normalisation, activation; or activation, gate, normalisation (§3.3, J-4)"
    )
    skips: Skips = Field("add", description="how encoder rows join the decoder (§3.2, §3.3, J-3)")
    activation: Activation = Field("leaky_relu", description="activation of the completion network (§3.3, J-5)")

    # The dual discriminator (§3.4, Tables 2 and 3)
    critic_norm: Literal["batch", "spectral", "none"] = Field(
        "spectral", description="normalisation of the discriminator's convolutions (§3.4, J-11)"
    )
    critic_activation: Activation = Field("leaky_relu", description="activation of the discriminator (J-11)")
    critic_sees_hole: bool = Field(True, description="the hole is the fourth channel of what it sees (J-8)")
    global_layers: int = Field(6, ge=1, le=6, description="convolutions on the whole picture (Table 3)")
    real_part: Literal["random", "same"] = Field(
        "same", description="where the part of a true picture lies: anywhere, or where the filled one's does (J-10)"
    )

    # The training (§4.1)
    optimizer: Literal["adadelta", "adam", "sgd"] = Field("sgd", description="for both networks (§4.1, J-18)")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="of the completion network (§4.1)")
    holes: Literal["rectangles", "three_kinds", "mixed", "center"] = Field(
        "three_kinds", description="training holes; see HOLES in baselines/glcic/training.py (§4.1, J-21)"
    )
