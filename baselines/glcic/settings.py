"""Everything that can be set. The defaults are the paper's for faces of 160x160, or a public code's where said."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from baselines.glcic.networks import DILATIONS, Activation, Branches
from baselines.schedule import Schedule
from bench.methods.base import TrainedSettings

Rate = Annotated[int, Field(ge=1, le=64)]


FROM_STAGE: dict[str, frozenset[str]] = {
    "discrimination": frozenset(
        {"branches", "critic_width", "critic_norm", "critic_activation", "critic_sees_hole", "fc_in", "global_layers"}
        | {"local_layers", "local_share", "real_part", "gan_input", "critic_rate"}
    ),
    "joint": frozenset({"gan_weight", "joint_distance"}),
}
"""The phase before which each of these settings plays no part."""


class GlcicSettings(TrainedSettings):
    model_config = ConfigDict(allow_inf_nan=False)

    # The completion network
    width: int = Field(64, ge=2, le=256, multiple_of=2, description="channels of the first row")
    activation: Activation = Field("relu", description="activation of the completion network")
    norm: bool = Field(True, description="batch normalisation in the completion network")
    activation_first: bool = Field(False, description="activation before batch normalisation in rows without a gate")
    dilations: tuple[Rate, Rate, Rate, Rate] = Field(DILATIONS, description="rates of the four dilated rows")
    hole_colour: Literal["mean", "zero"] = Field(
        "mean", description="colour of a hole on entry: training mean, or black"
    )

    # The discriminator
    branches: Branches = Field("both", description="on the whole picture, on the part around the hole, or on both")
    critic_width: int = Field(64, ge=1, le=256, description="channels of its first convolutions")
    critic_norm: Literal["batch", "spectral", "none"] = Field("batch", description="normalisation of its convolutions")
    critic_activation: Activation = Field("relu", description="activation of the discriminator")
    critic_sees_hole: bool = Field(False, description="the hole is a fourth channel of what it sees")
    fc_in: Literal["flatten", "gap"] = Field("flatten", description="all features, or the mean of each channel")
    global_layers: int = Field(
        5, ge=1, le=6, description="convolutions on the whole picture; 5 as public code for faces"
    )
    local_layers: int = Field(5, ge=1, le=6, description="convolutions on the part around the hole")
    local_share: float = Field(0.6, gt=0, le=1, description="side of that part, over the picture's: 96 of 160 pixels")
    real_part: Literal["random", "same"] = Field(
        "random", description="where the part of a true picture lies: anywhere, or where the filled one's does"
    )

    # The losses
    gan_weight: float = Field(4e-4, ge=0, description="weight of the adversarial loss; 0 leaves the discriminator out")
    # The paper's network restores known pixels outside the hole (its §3.2), and its discriminators are shown completed
    # pictures; mmagic's gl_inpaintor.py too judges the composite. otenim/GLCIC-PyTorch judges the whole output.
    gan_input: Literal["raw", "composite"] = Field(
        "composite", description="what is judged: the network's whole output, or with known pixels put back"
    )
    joint_distance: float = Field(1.0, ge=0, description="weight of the squared error in the joint phase")
    known_weight: float = Field(0.0, ge=0, le=1, description="weight of known pixels' squared error; the hole's is 1")
    reduction: Literal["mean", "sum"] = Field("mean", description="squared errors of an image: mean, or sum")

    # The training
    optimizer: Literal["adadelta", "adam", "sgd"] = Field("adadelta", description="for both networks")
    learning_rate: float = Field(1.0, gt=0, le=10, description="of the completion network")
    critic_rate: float = Field(1.0, gt=0, le=10, description="the discriminator's learning rate, over learning_rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay; the second is 0.999")
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd")
    schedule: Schedule = Field(
        "constant", description="learning rate over all phases; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(96, ge=2, description="images of one update")
    completion_steps: int = Field(90_000, ge=1, description="T_C: updates of the completion network alone")
    critic_steps: int = Field(10_000, ge=1, description="T_D: updates of the discriminator alone")
    joint_steps: int = Field(400_000, ge=1, description="updates of both, in turn")
    phases: Literal["three", "joint"] = Field(
        "three", description="all three; or the joint phase alone, for as many steps as all of them"
    )
    holes: Literal["rectangles", "three_kinds", "mixed", "center"] = Field(
        "rectangles", description="training holes; see HOLES in baselines/glcic/training.py"
    )
