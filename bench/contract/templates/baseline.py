"""mykey: what it fills holes with, and where that was published."""

from torch import Tensor

from bench.methods.base import Inpainter, Method


class MyKeyInpainter(Inpainter):
    """Fills every hole with the mean colour of the known pixels. Replace `inpaint`."""

    # sizes = Sizes(minimum=32, multiple=4)  # where not every picture can be taken

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        """`image` float32 (N,3,H,W) in [0,1], `hole` bool (N,1,H,W), True = missing, `seed` int64 (N,), one each.

        Image i may depend on nothing but image[i], hole[i] and seed[i], and not on what lies under the hole.
        """
        known = (~hole).to(image.dtype)
        mean = (image * known).sum(dim=(2, 3)) / known.sum(dim=(2, 3)).clamp(min=1)
        return image.where(~hole, mean[:, :, None, None])


class MyKey(Method):
    """Mean colour of the known pixels: the line that `list` shows."""

    # floor = True  # a training-free method that every leaderboard should show
    # A method that trains returns its phases from `stages()`: see Stage in bench/methods/base.py.

    def inpainter(self) -> Inpainter:
        return MyKeyInpainter()


METHOD = MyKey
