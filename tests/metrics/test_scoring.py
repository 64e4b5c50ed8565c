import dataclasses
import math
import subprocess
import sys

import pytest
import torch

from bench.errors import UserError
from bench.metrics import score
from bench.metrics.conventions import CONVENTIONS, HEADLINE
from bench.metrics.tv import tv


def batch(count=7, height=20, width=23):
    chance = torch.Generator().manual_seed(3)

    def draw(channels, end):
        return torch.randint(0, end, (count, channels, height, width), generator=chance)

    truth, raw, hole = draw(3, 256).byte(), draw(3, 256).byte(), draw(1, 2).bool()
    return truth, torch.where(hole, raw, truth), hole, raw


def test_scores_are_the_conventions():
    truth, composite, hole, raw = batch()
    scores = score(truth, composite, hole, raw, lambda x, y: torch.zeros(len(x), dtype=torch.float64))
    assert set(scores) == set(CONVENTIONS)
    assert set(HEADLINE) < set(CONVENTIONS)
    for values in scores.values():
        assert values.shape == (7,)
        assert values.dtype == torch.float64
        assert torch.isfinite(values).all()
    assert set(score(truth, composite, hole)) == set(CONVENTIONS) - {"psnr_raw", "lpips"}


def test_raw_is_scored_as_raw_and_composite_as_composite():
    truth, composite, hole, raw = batch()
    scores = score(truth, composite, hole, raw)
    assert torch.equal(scores["psnr_raw"], score(truth, raw, torch.ones_like(hole), raw)["psnr"])
    assert (scores["psnr"] > scores["psnr_raw"]).all()
    assert torch.equal(scores["tv_truth"], score(truth, truth, hole)["tv"])
    assert torch.equal(scores["tv"], tv(composite))
    assert not torch.equal(scores["tv"], scores["tv_truth"])


def test_no_score_depends_on_the_batch():
    truth, composite, hole, raw = batch()
    together = score(truth, composite, hole, raw)
    for order in ([3], [3, 0, 3], [6, 5, 4, 3, 2, 1, 0]):
        apart = score(truth[order], composite[order], hole[order], raw[order])
        for name, values in apart.items():
            assert torch.equal(values, together[name][order]), name


def test_equal_pictures_are_infinite_not_capped():
    truth, _, hole, _ = batch()
    scores = score(truth, truth, hole, truth)
    assert set(scores["psnr"].tolist()) == set(scores["psnr_raw"].tolist()) == {math.inf}
    assert scores["l1_hole"].tolist() == [0.0] * 7


def test_an_empty_batch_has_no_scores():
    assert all(values.shape == (0,) for values in score(*batch(count=0)).values())


@pytest.mark.parametrize(("height", "width"), [(10, 64), (64, 10)])
def test_too_small_for_ssim(height, width):
    truth, composite, hole, _ = batch(height=height, width=width)
    with pytest.raises(UserError, match=f"at least 11 pixels; these pictures are {height}x{width}"):
        score(truth, composite, hole)


def test_what_is_no_composite_is_no_score():
    truth, composite, hole, raw = batch()
    hole[...] = False
    hole[:, :, :5] = True
    composite = torch.where(hole, raw, truth)
    composite[4, 2, 19, 22] ^= 1
    with pytest.raises(RuntimeError, match="number 4 of the batch: it has known pixels"):
        score(truth, composite, hole)
    hole[2] = False
    with pytest.raises(RuntimeError, match="number 2 of the batch: it has no hole"):
        score(truth, truth, hole)
    with pytest.raises(RuntimeError, match=r"uint8 and bool, not torch\.float64"):
        score(truth.double(), truth, hole)


def test_conventions_are_told_in_full_and_without_torch():
    for name, convention in CONVENTIONS.items():
        told = dataclasses.asdict(convention)
        assert told.pop("unit") is not None
        assert all(value for value in told.values()), name
        assert convention.id == name
        assert convention.scored == ("raw" if name.endswith("_raw") else "composite")
    code = "import sys, bench.metrics.conventions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
