import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bench.data.protocol import Protocol
from bench.exchange.export import export

MASK_SETS = ("center", "irregular")
SIDE = 32


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of 40 smooth coloured pictures, in subfolders, one with a name that needs care."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(40):
        noise = cv2.GaussianBlur(rng.random((SIDE, SIDE, 3)) * 255, (0, 0), 3)
        noise = (noise - noise.min()) / np.ptp(noise) * 255
        name = "a mask 100% ä.png" if number == 39 else f"{number}.png"
        (root / f"d{number % 3}").mkdir(exist_ok=True)
        Image.fromarray(noise.round().astype(np.uint8)).save(root / f"d{number % 3}" / name)
    return root


@pytest.fixture(scope="session")
def protocol(pictures):
    return Protocol(
        data=f"folder={pictures}",
        resolution=SIDE,
        images=10**9,
        split=(1, 10**6, 0),
        test_images=10**9,
        mask_sets=MASK_SETS,
    )


@pytest.fixture(scope="session")
def exported(tmp_path_factory, protocol, cache):
    root = tmp_path_factory.mktemp("exported") / "ex"
    export(protocol, "custom", root, cache, Console(quiet=True))
    return root


@pytest.fixture
def tool(exported, tmp_path):
    """An outside tool: OpenCV fills the exported pictures; `change` is done to each array before it is written."""

    def run(name="{}.png", change=lambda array: array, mask_sets=MASK_SETS, folder="out", **options):
        for mask_set in mask_sets:
            place = tmp_path / folder / mask_set
            place.mkdir(parents=True, exist_ok=True)
            for path in sorted((exported / mask_set / "images").iterdir()):
                damaged = np.asarray(Image.open(path))
                hole = np.asarray(Image.open(exported / mask_set / "masks" / path.name))
                filled = cv2.inpaint(np.ascontiguousarray(damaged), hole, 3, cv2.INPAINT_TELEA)
                Image.fromarray(change(filled)).save(place / name.format(path.stem), **options)
        return tmp_path / folder

    return run
