"""For tests: weights as somebody else would publish them, and the toy method that takes them."""

import hashlib

import torch

PRETRAINED = """
from bench.methods.layouts import WeightLayout

LAYOUTS = [
    WeightLayout(
        name="toy of elsewhere",
        source="https://example.org/toys/",
        licence="MIT, as its project",
        keys={"net.weight": "generator.conv.weight", "net.bias": "generator.conv.bias"},
        unused=("disc.*",),
        settings={"brightness": 0.1},
        trained_on={"toynet_faces*": "drawn faces, 16x16"},
        remarks=("It is a toy.",),
    )
]
"""


def toy_state(seed=0, **changes):
    """The toy's tensors under their public names, with a critic that nobody needs."""
    generator = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(3, 3, 1, 1, generator=generator), torch.randn(3, generator=generator)
    state = {"generator.conv.weight": weight, "generator.conv.bias": bias, "disc.fc.weight": torch.ones(2)}
    return {key: value for key, value in (state | changes).items() if value is not None}


def publish(folder, content, stem="toynet_faces_20200619", suffix="pth", **options):
    """Write a checkpoint whose name ends with the start of its SHA-256."""
    plain = folder / f"plain.{suffix}"
    torch.save(content, plain, **options)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    return plain.rename(folder / f"{stem}-{digest[:8]}.{suffix}")
