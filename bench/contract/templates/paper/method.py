"""mykey: the method. Replace the network, the loss and the settings; keep the shape of what is here."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.masks.center import Center
from bench.methods.base import (
    DataFacts,
    Feed,
    Inpainter,
    Method,
    Settings,
    Stage,
    TrainedSettings,
    in_fixed_batches,
)


class MyKeySettings(TrainedSettings):
    """The defaults are the method as printed; paper.toml's scales and variants override them by name."""

    width: int = Field(32, ge=1, description="channels of the hidden layers")
    known_weight: float = Field(0.1, ge=0, description="weight of the known pixels in the loss; of the hole: 1")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    batch_size: int = Field(16, ge=1, description="images of one update")
    steps: int = Field(10_000, ge=1, description="updates")


class MyKeyStage(Stage):
    """One phase of the training. A paper with several has a Stage for each."""

    name = "training"
    holes = Center()
    """The training holes; other families are in bench/masks/."""

    def __init__(self, network: nn.Module, settings: MyKeySettings) -> None:
        self.steps, self.batch_size = settings.steps, settings.batch_size
        self.known_weight = settings.known_weight
        self.networks = {"generator": network}
        self.optimizers = {"generator": torch.optim.Adam(network.parameters(), lr=settings.learning_rate)}

    def step(self, feed: Feed) -> dict[str, Tensor]:
        """One update. What it returns is logged: a claim of kind `trace` names the stage and the scalar."""
        image, hole = feed.batch()
        result = self.networks["generator"](damaged(image, hole))
        error = (result - image).abs()
        loss = error[hole.expand_as(error)].mean() + self.known_weight * error[~hole.expand_as(error)].mean()
        self.optimizers["generator"].zero_grad()
        loss.backward()
        self.optimizers["generator"].step()
        return {"reconstruction": loss.detach()}


class MyKeyInpainter(Inpainter):
    """Fills holes with one pass of the network."""

    # sizes = Sizes(minimum=32, multiple=4)  # where not every size works: a U-Net that halves pictures twice

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @torch.no_grad()
    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        # Batches of one fixed size: an image's result must not depend on its batch mates, not even in its last bit.
        return in_fixed_batches(lambda x, gap: self.network(damaged(x, gap)), image, hole)


class MyKey(Method):
    """Say in one line what the method is; `list` shows it."""

    settings_class = MyKeySettings

    def __init__(self, settings: Settings, data: DataFacts) -> None:
        super().__init__(settings, data)
        assert isinstance(settings, MyKeySettings)
        self.values = settings
        width = settings.width
        self.generator = nn.Sequential(
            nn.Conv2d(4, width, 5, padding=2),
            nn.ELU(),
            nn.Conv2d(width, width, 3, padding=4, dilation=4),
            nn.ELU(),
            nn.Conv2d(width, 3, 3, padding=1),
            nn.Sigmoid(),
        )

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def stages(self) -> Sequence[Stage]:
        return [MyKeyStage(self.generator, self.values)]

    def inpainter(self) -> Inpainter:
        return MyKeyInpainter(self.generator)


def damaged(image: Tensor, hole: Tensor) -> Tensor:
    """What the network sees (N,4,H,W): the picture without what lies in the hole, and the hole."""
    return torch.cat([image.masked_fill(hole, 0), hole.to(image.dtype)], dim=1)


METHOD = MyKey
