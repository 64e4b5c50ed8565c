"""The loss terms of Liu et al. 2018, §3.3. Colours are in [-1,1]; the paper names no range.

Every term is a mean over all values of a picture, or of its features, whatever the size of the hole.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.vgg import pooled, vgg16_pools


def valid(result: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
    """|difference| on the known pixels, over the number of all values."""
    return ((result - truth).abs() * ~hole).mean()


def missing(result: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
    """|difference| in the hole, over the number of all values."""
    return ((result - truth).abs() * hole).mean()


def variation(composite: Tensor, hole: Tensor) -> Tensor:
    """|difference| of neighbours that both lie in the hole or next to it, over the number of all values.

    Next to it is what a dilation by one pixel adds, corners too (the port takes the whole picture).
    """
    near = F.max_pool2d(hole.float(), 3, stride=1, padding=1)
    across = (composite[..., 1:] - composite[..., :-1]).abs() * (near[..., 1:] * near[..., :-1])
    down = (composite[..., 1:, :] - composite[..., :-1, :]).abs() * (near[..., 1:, :] * near[..., :-1, :])
    return (across.sum() + down.sum()) / composite.numel()


def gram(x: Tensor) -> Tensor:
    """How features (N,C,H,W) go together: (N,C,C), over their number."""
    flat = x.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


class Vgg16Terms:
    """Differences of VGG-16's features: of the result as it is, plus of the composite."""

    def __init__(self, file: str) -> None:
        """Raises UserError for a file that is not the published VGG-16."""
        self.parts = vgg16_pools(file)

    def __call__(self, result: Tensor, composite: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """`perceptual`, |difference| of the features, and `style`, that of their Gram matrices; 0-dim, unweighted."""
        self.parts.to(result.device)
        with torch.no_grad():
            wanted = pooled(self.parts, truth)
        pairs = [pair for picture in (result, composite) for pair in self._pairs(picture, wanted)]
        return {
            "perceptual": torch.stack([F.l1_loss(found, target) for found, target in pairs]).sum(),
            "style": torch.stack([F.l1_loss(gram(found), gram(target)) for found, target in pairs]).sum(),
        }

    def _pairs(self, picture: Tensor, wanted: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        return list(zip(pooled(self.parts, picture), wanted, strict=True))
