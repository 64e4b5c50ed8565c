import dataclasses
import math
import subprocess
import sys

import pytest
import torch

from bench.metrics import score
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.metrics.tv import tv


def batch(count=7, height=20, width=23):
    chance = torch.Generator().manual_seed(3)

    def draw(channels, end):
        return torch.randint(0, end, (count, channels, height, width), generator=chance)

    truth, raw, hole = draw(3, 256).byte(), draw(3, 256).byte(), draw(1, 2).bool()
    return truth, torch.where(hole, raw, truth), hole, raw


class Lpips:
    def columns(self, truth, result):
        return {name: torch.zeros(len(truth), dtype=torch.float64) for name in ("lpips", "lpips_vgg")}


KEPT = {name for name, definition in DEFINITIONS.items() if definition.kept}


ASKED_FOR = {name for name in KEPT if name.endswith(("_raw", "_trunc")) or name.startswith("lpips")}


def test_scores_are_the_kept_conventions():
    truth, composite, hole, raw = batch(height=51, width=53)
    scores = score(truth, composite, hole, raw, Lpips(), raw)
    assert set(scores) == KEPT
    assert set(HEADLINE) < KEPT
    for name, values in scores.items():
        assert values.shape == (7,)
        assert values.dtype == torch.float64
        low, high = DEFINITIONS[name].limits
        assert ((values >= low) & (values <= high)).all(), name
    assert set(score(truth, composite, hole)) == KEPT - ASKED_FOR


def test_lpips_is_that_of_the_composite():
    asked = []

    class Told(Lpips):
        def columns(self, truth, result):
            asked.append((truth, result))
            return super().columns(truth, result)

    truth, composite, hole, raw = batch()
    score(truth, composite, hole, raw, Told(), raw)
    assert [(one is truth, torch.equal(other, composite)) for one, other in asked] == [(True, True)]


def test_raw_is_scored_as_raw_and_composite_as_composite():
    truth, composite, hole, raw = batch()
    scores = score(truth, composite, hole, raw)
    as_composite = score(truth, raw, torch.ones_like(hole), raw)
    assert scores["psnr_raw"].tolist() == pytest.approx(as_composite["psnr"].tolist(), rel=1e-14)
    assert scores["ssim_raw"].tolist() == pytest.approx(as_composite["ssim"].tolist(), rel=1e-12)
    assert scores["l1_raw"].tolist() == pytest.approx(as_composite["l1"].tolist(), rel=1e-12)
    assert torch.equal(scores["tv_raw"], tv(raw))
    assert (scores["psnr"] > scores["psnr_raw"]).all()
    assert (scores["l1"] < scores["l1_raw"]).all()
    assert not torch.equal(scores["ssim"], scores["ssim_raw"])
    assert torch.equal(scores["tv_truth"], score(truth, truth, hole)["tv"])
    assert torch.equal(scores["tv"], tv(composite))
    assert not torch.equal(scores["tv"], scores["tv_truth"])


def test_no_score_depends_on_the_batch():
    truth, composite, hole, raw = batch()
    together = score(truth, composite, hole, raw, truncated=raw)
    for order in ([3], [3, 0, 3], [6, 5, 4, 3, 2, 1, 0]):
        apart = score(truth[order], composite[order], hole[order], raw[order], truncated=raw[order])
        for name, values in apart.items():
            assert values.tolist() == pytest.approx(together[name][order].tolist(), rel=1e-12), name


def test_equal_pictures_are_infinite_not_capped():
    truth, _, hole, _ = batch()
    scores = score(truth, truth, hole, truth)
    assert set(scores["psnr"].tolist()) == set(scores["psnr_raw"].tolist()) == {math.inf}
    assert scores["l1_hole"].tolist() == [0.0] * 7


def test_an_empty_batch_has_no_scores():
    assert all(values.shape == (0,) for values in score(*batch(count=0)).values())


@pytest.mark.parametrize(("height", "width"), [(1, 1), (6, 64), (8, 8), (10, 64), (64, 10), (50, 51)])
def test_what_does_not_fit_is_left_out(height, width):
    truth, _, hole, _ = batch(height=height, width=width)
    hole[..., 0, 0] = True
    scores = score(truth, torch.where(hole, 255 - truth, truth), hole)
    fit = {name for name in KEPT if DEFINITIONS[name].smallest_side <= min(height, width)}
    assert set(scores) == fit - ASKED_FOR
    assert not any(values.isnan().any() for values in scores.values())


@pytest.mark.parametrize("side", [12, 300])
def test_a_batch_of_many_chunks_is_scored_as_its_images_are(side):
    truth, composite, hole, raw = batch(count=3 if side == 300 else 500, height=side, width=side)
    composite[1] = torch.where(hole[1], 255 - truth[1] // 4, truth[1])  # flat and large: another precision
    together = score(truth, composite, hole, raw)
    for index in (0, 1, len(truth) - 1):
        apart = score(*(x[index : index + 1] for x in (truth, composite, hole, raw)))
        for name, values in apart.items():
            assert values.item() == pytest.approx(together[name][index].item(), rel=1e-12), name


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
    for name, definition in DEFINITIONS.items():
        told = dataclasses.asdict(definition)
        assert all(told[field] for field in ("title", "formula", "source", "rounding", "column", "digits")), name
        assert definition.column in DEFINITIONS
        assert DEFINITIONS[definition.column].kept
        assert definition.limits[0] < definition.limits[1]
        assert definition.id == name
        assert definition.scored == ("raw" if name.endswith("_raw") else "composite")
    code = "import sys, bench.metrics.definitions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
