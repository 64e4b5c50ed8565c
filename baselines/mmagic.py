"""What mmagic's (earlier: mmediting's) public inpainting networks have in common. Read in open-mmlab/mmagic."""

from collections.abc import Callable, Iterator

from torch import Tensor

from bench.methods.base import erase

SOURCE = "https://download.openmmlab.com/mmediting/inpainting/"
LICENCE = "Apache-2.0, as the project that publishes it"
UNTRIED = "The layout of its keys was read in the project's code; no published file has been tried here."
Forward = Callable[[Tensor, Tensor], Tensor]
"""From colours (N,3,H,W) in [-1,1] and the bool hole (N,1,H,W) to colours."""


def blue_first(forward: Forward) -> Forward:
    """A pass whose network has its colours as OpenCV reads them, blue, green, red, and 0 in the hole."""

    def turned(colours: Tensor, hole: Tensor) -> Tensor:
        return forward(erase(colours, hole).flip(1), hole).flip(1)

    return turned


def module_keys(ours: str, theirs: str, kinds: tuple[str, ...] = ("weight", "bias")) -> Iterator[tuple[str, str]]:
    """Ours to theirs for the tensors of one layer."""
    yield from ((f"{ours}.{kind}", f"{theirs}.{kind}") for kind in kinds)


NORM = ("weight", "bias", "running_mean", "running_var")
"""The tensors of a batch normalisation, but for its counter."""
