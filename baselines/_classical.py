"""What the classical fills share: one picture at a time, as arrays, with nothing under the hole."""

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.methods.base import Inpainter
from bench.util.errors import UserError


class Classical(Inpainter):
    """Fills one picture at a time, from its known pixels alone. The seed is not used."""

    @abstractmethod
    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        """A picture (H,W,3) in [0,1] whose hole is filled; its other pixels are not looked at.

        `picture` is float32 (H,W,3) in [0,1], zero in the hole; `hole` is bool (H,W) with some pixels True, some not.
        """

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        """Known pixels stay as they are. Raises UserError for a picture that is all hole."""
        pictures = image.masked_fill(hole, 0.0).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        filled = [self._one(picture, gap) for picture, gap in zip(pictures, hole[:, 0].cpu().numpy(), strict=True)]
        result = torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).to(image)
        return torch.where(hole, result, image).contiguous()

    def _one(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        if not hole.any():
            return picture
        if hole.all():
            raise UserError(
                f"{type(self).__name__} needs known pixels; this {hole.shape[0]}x{hole.shape[1]} picture has none."
                " Use a smaller hole."
            )
        filled: NDArray[np.float32] = np.clip(self.fill(picture, hole), 0.0, 1.0).astype(np.float32)
        return filled
