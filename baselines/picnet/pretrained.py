"""Public weights for PICNet: the authors' own (lyndonzheng/Pluralistic-Inpainting), in one file for each network.

Their spectral normalisation takes one step of its power iteration at every call, in tests too, so that a result depends
on how many were made before; here every call is as their first one.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from baselines.mmagic import UNTRIED, module_keys
from baselines.picnet.method import PicnetSettings, Sampler
from baselines.picnet.networks import ATTENDED, Decoder, Encoder
from bench.methods.base import DataFacts, Inpainter, Method
from bench.methods.layouts import WeightLayout

LAYERS, PRIOR_BLOCKS = 5, 6


class PublicPicnet(Method):
    """PICNet as its authors publish it; without a training."""

    settings_class = PicnetSettings
    settings: PicnetSettings

    def __init__(self, settings: PicnetSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        size = settings.width, settings.z_size, settings.layers
        self.encoder, self.decoder = Encoder(*size, settings.prior_blocks), Decoder(*size)
        for network in self.networks().values():
            for layer in network.modules():
                if is_parametrized(layer, "weight"):
                    remove_parametrizations(layer, "weight")

    def networks(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "decoder": self.decoder}

    def inpainter(self) -> Inpainter:
        return Sampler(self.encoder, self.decoder, self.settings)


def normalised_weights(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With `X.weight` for each `X.weight_bar`: as at the first call, after one step of the power iteration."""
    found = dict(given)
    for key, bar in given.items():
        if key.endswith(".weight_bar") and f"{key.removesuffix('bar')}u" in given:
            matrix, u = bar.flatten(1), given[f"{key.removesuffix('bar')}u"]
            v = torch.mv(matrix.t(), u)
            v = v / (v.norm() + 1e-12)
            u = torch.mv(matrix, v)
            u = u / (u.norm() + 1e-12)
            found[key.removesuffix("_bar")] = bar / u.dot(torch.mv(matrix, v))
    return found


def _block(
    ours: str, theirs: str, convolutions: tuple[int, int] = (1, 3), bypass: str = "bypass"
) -> Iterator[tuple[str, str]]:
    """A residual block: places of its convolutions in ours, and where its bypass is."""
    for number, place in enumerate(convolutions, 1):
        yield from module_keys(f"{ours}.main.{place}", f"{theirs}.conv{number}.module")
    yield from module_keys(f"{ours}.{bypass}", f"{theirs}.bypass.module")


def _keys() -> Iterator[tuple[str, str]]:
    """Ours to theirs."""
    yield from _block("encoder.halving.0", "E/block0", (0, 2), "bypass.1")
    for place in range(1, LAYERS):
        yield from _block(f"encoder.halving.{place}", f"E/encoder{place - 1}")
    for place in range(PRIOR_BLOCKS):
        yield from _block(f"encoder.infer.{place}", f"E/infer_prior{place}")
    yield from _block(f"encoder.infer.{PRIOR_BLOCKS}", "E/prior")
    yield from _block("encoder.posterior", "E/posterior")
    yield from _block("decoder.first", "G/generator")
    for place in range(LAYERS):
        yield from _block(f"decoder.ups.{place}", f"G/decoder{place}", (2, 5))
        for norm in (0, 3):
            yield from module_keys(f"decoder.ups.{place}.main.{norm}", f"G/decoder{place}.model.{norm}")
    for place in range(ATTENDED, LAYERS):
        yield from module_keys(f"decoder.results.{place - ATTENDED}.2", f"G/out{place}.conv1.module")
    attention = f"G/attn{ATTENDED}"
    yield from module_keys("decoder.attention.query", f"{attention}.query_conv")
    yield from module_keys("decoder.attention", attention, ("gamma", "alpha"))
    yield from _block("decoder.attention.join", f"{attention}.model")


LAYOUTS = [
    WeightLayout(
        name="PICNet of its authors",
        source="https://github.com/lyndonzheng/Pluralistic-Inpainting",
        licence="CC BY-NC 4.0, as the project that publishes it",
        keys=dict(_keys()),
        # Blocks keep their layers twice, and normalised weights with the vectors that they are made of.
        unused=("*.model.*", "*.shortcut.*", "*.weight_bar", "*.weight_u", "*.weight_v"),
        roles={role: f"*_net_{role}.pth" for role in "EG"},
        convert=normalised_weights,
        settings={"width": 32, "z_size": 128, "layers": LAYERS, "prior_blocks": PRIOR_BLOCKS},
        method=PublicPicnet,
        trained_on={},
        remarks=(UNTRIED, "What it was trained on is told by the folder that it is published in."),
    )
]
