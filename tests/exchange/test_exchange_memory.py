import numpy as np
import pytest
from held import Reports, most_held
from PIL import Image

from bench.data import load
from bench.data.protocol import Protocol
from bench.exchange import export
from bench.exchange.export import Export
from bench.exchange.score import Scoring
from bench.runs import evaluation

SIDE = 96
FEW, MANY = 32, 96


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Exports so many pictures, scores the truths, and gives what either held at most."""
    monkeypatch.setattr(export, "PART", 16)
    monkeypatch.setattr(evaluation, "PART", 32)
    monkeypatch.setattr(evaluation, "AHEAD", 1)  # or it would be luck which batches are held at the same time

    def make(count):
        root = tmp_path / str(count)
        (root / "pictures").mkdir(parents=True)
        rng = np.random.default_rng(0)
        for number in range(count + 1):
            noise = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / "pictures" / f"{number}.png", compress_level=1)
        protocol = Protocol(
            data=f"folder={root / 'pictures'}", resolution=SIDE, images=10**9, split=(1, 10**6, 0),
            test_images=count, mask_sets=("irregular",),
        )  # fmt: skip
        data = load(protocol, root / "cache")
        assert len(data.test) == count
        one = Export(root / "ex", "custom", protocol, data)
        scoring = Scoring(root / "ex", root / "ex" / "truth", "copies", root / "runs")
        return [
            most_held(lambda report: one.make(Reports(report))),
            most_held(lambda report: scoring.make(Reports(report))),
        ]

    return make


def test_memory_does_not_grow_with_the_number_of_pictures(made):
    made(16)
    few, many = made(FEW), made(MANY)
    # 64 pictures of 27 KiB would be 1.8 MB, what the manifest says of them is about 0.2 MB.
    for less, more in zip(few, many, strict=True):
        assert more - less < 800_000
