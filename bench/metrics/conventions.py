"""The conventions: what each measured number exactly is. Nothing here imports torch.

X is the truth, C the composite, R the raw result, H the hole, all as uint8, 0...255. Every convention is computed per
image, over all pixels and the three channels, and a mean over images is a mean of these values.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Convention:
    """One exact definition. A change in it may move numbers."""

    id: str
    title: str
    unit: str
    better: Literal["higher", "lower", "truth"]
    """`truth`: the closer to the truth's own value, the better."""
    formula: str
    scored: Literal["composite", "raw"]
    source: str
    digits: int
    """Digits after the point in tables."""


_ALL = (
    Convention(
        id="psnr",
        title="PSNR",
        unit="dB",
        better="higher",
        formula="10 log10(255^2 / mean (C - X)^2); infinite, and never capped, where C = X",
        scored="composite",
        source="per image as in the evaluation code of Pluralistic, AOT-GAN, MAT and mmagic (Pluralistic caps at 100)",
        digits=2,
    ),
    Convention(
        id="ssim",
        title="SSIM",
        unit="",
        better="higher",
        formula="Gaussian window 11x11, sigma 1.5, where it fits whole; K1 = 0.01, K2 = 0.03, range 255, population"
        " covariance; mean over places and channels",
        scored="composite",
        source="Wang et al. 2004, Eq. (13); per channel and valid region as in MAT and mmagic",
        digits=3,
    ),
    Convention(
        id="l1",
        title="L1",
        unit="%",
        better="lower",
        formula="100 / 255 * mean |C - X| over the whole image",
        scored="composite",
        source="the evaluation scripts of MAT, ZITS and TFill",
        digits=2,
    ),
    Convention(
        id="l1_hole",
        title="L1 in the hole",
        unit="%",
        better="lower",
        formula="100 / 255 * mean |C - X| over the pixels of H",
        scored="composite",
        source="mmagic; equals L1 divided by the hole's share of the image",
        digits=2,
    ),
    Convention(
        id="tv",
        title="TV",
        unit="grey levels",
        better="truth",
        formula="mean sqrt(gx^2 + gy^2) of C, forward differences that wrap around",
        scored="composite",
        source="the evaluation script of Pluralistic (Zheng et al. 2019)",
        digits=2,
    ),
    Convention(
        id="tv_truth",
        title="TV of the truth",
        unit="grey levels",
        better="truth",
        formula="mean sqrt(gx^2 + gy^2) of X, forward differences that wrap around",
        scored="composite",
        source="as TV; what TV is to be compared with",
        digits=2,
    ),
    Convention(
        id="lpips",
        title="LPIPS",
        unit="",
        better="lower",
        formula="distance of AlexNet features of C and X, each in [-1,1], with the linear layers of version 0.1",
        scored="composite",
        source="Zhang et al. 2018; the lpips package, net 'alex', version 0.1",
        digits=3,
    ),
    Convention(
        id="psnr_raw",
        title="PSNR of the raw result",
        unit="dB",
        better="higher",
        formula="10 log10(255^2 / mean (R - X)^2); infinite, and never capped, where R = X",
        scored="raw",
        source="as PSNR",
        digits=2,
    ),
)

CONVENTIONS: dict[str, Convention] = {convention.id: convention for convention in _ALL}

HEADLINE = ("psnr", "ssim", "l1", "l1_hole", "tv", "lpips")
