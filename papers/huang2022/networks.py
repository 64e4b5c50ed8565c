"""The networks of §3.1: DCGAN's shapes, with the activations the other way round."""

from torch import nn

from baselines.latent.networks import Discriminator, Generator

from .settings import HuangSettings

KERAS_EPSILON, KERAS_MOMENTUM = 1e-3, 0.01
"""Of batch normalisation in TensorFlow 2.6; its `momentum` of 0.99 is what torch calls 0.01."""


def generator(settings: HuangSettings, resolution: int) -> Generator:
    """100 -> 4x4x512 -> 8 -> 16 -> 32 -> 64, tanh: 5,135,363 parameters (H2)."""
    activation, slope = settings.generator_activation, settings.slope
    network = Generator(settings.width, settings.z_size, resolution, activation=activation, slope=slope)
    _frame(network, settings)
    return network


def discriminator(settings: HuangSettings, resolution: int) -> Discriminator:
    """64 -> 4x4x512 -> one logit, every convolution normalised: 4,316,673 parameters (H1). The loss has the sigmoid."""
    network = Discriminator(
        settings.width,
        resolution,
        norm_first=settings.critic_norm_first,
        activation=settings.critic_activation,
        slope=settings.slope,
    )
    _frame(network, settings)
    return network


def _frame(network: nn.Module, settings: HuangSettings) -> None:
    if settings.framework == "keras":
        network.apply(keras)


def keras(module: nn.Module) -> None:
    """What TensorFlow 2.6 does where nothing is said: Glorot's uniform weights, its own batch normalisation (H6)."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
    elif isinstance(module, nn.BatchNorm2d):
        module.eps, module.momentum = KERAS_EPSILON, KERAS_MOMENTUM
        nn.init.ones_(module.weight)
