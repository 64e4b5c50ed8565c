"""The metric definitions: what each measured number exactly is. Nothing here imports torch.

X is the truth, C the composite, R the raw result, H the hole, all as uint8, 0...255 (a result in floating point is
rounded half to even first). Y = C where `scored` says composite. A metric definition is one of three things:

- a column: computed per image (bench/metrics/scoring.py) and kept in scores.csv;
- derived: an exact function, image by image, of a column, worked out when asked for (bench/metrics/summary.py);
- an aggregate: no mean of per-image values at all, but a function of a column over all images.

`source` says who uses it. Two projects that agree in every digit share an entry.
"""

from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["higher", "lower", "truth", "neither"]
Aggregate = Literal["mean", "pooled", "per batch"]


@dataclass(frozen=True)
class MetricDefinition:
    """One exact definition. A change in it may move numbers."""

    id: str
    title: str
    unit: str
    better: Better
    """`truth`: the closer to the truth's own value, the better. `neither`: a fact that ranks nobody."""
    formula: str
    source: str
    digits: int
    """Digits after the point in tables."""
    scored: Literal["composite", "raw"] = "composite"
    column: str = ""
    """The column of scores.csv that it is worked out from; its own where it is kept."""
    aggregate: Aggregate = "mean"
    """How images become one number: the mean of per-image values, or something else made of `column`."""
    limits: tuple[float, float] = (0.0, float("inf"))
    """The smallest and the largest value that are possible."""
    rounding: str = "to 8 bits, half to even, before anything else"
    smallest_side: int = 1
    """Pictures with a smaller side have no such value."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "column", self.column or self.id)

    @property
    def kept(self) -> bool:
        """True where scores.csv has a column of its own."""
        return self.column == self.id

    @property
    def truth(self) -> str:
        """The id of the same quantity of the truth, for those that have one."""
        return f"{self.id.removesuffix('_raw')}_truth"

    @property
    def per_image(self) -> bool:
        return self.aggregate == "mean"


_CUT = "to 8 bits, the fraction cut off, before anything else"

BATCH = 16
"""Images in a batch of `psnr_batch16`."""


def _psnr(id: str, title: str, formula: str, source: str, **more: object) -> MetricDefinition:
    low = float("-inf") if id in ("psnr_hole", "psnr_y") else 0.0
    return MetricDefinition(id, title, "dB", "higher", formula, source, 2, limits=(low, float("inf")), **more)  # type: ignore[arg-type]


def _ssim(id: str, title: str, window: str, source: str, side: int = 11, **more: object) -> MetricDefinition:
    formula = f"{window}; K1 = 0.01, K2 = 0.03; mean over places and channels"
    return MetricDefinition(id, title, "", "higher", formula, source, 3, limits=(-1.0, 1.0), smallest_side=side, **more)  # type: ignore[arg-type]


def _l(
    id: str, title: str, unit: str, formula: str, source: str, top: float = 100.0, **more: object
) -> MetricDefinition:
    return MetricDefinition(id, title, unit, "lower", formula, source, 2, limits=(0.0, top), **more)  # type: ignore[arg-type]


def _tv(id: str, title: str, unit: str, formula: str, source: str) -> tuple[MetricDefinition, MetricDefinition]:
    own = MetricDefinition(id, title, unit, "truth", f"{formula} of C", source, 2)
    truth = f"as {title}; what {title} is to be compared with"
    return own, MetricDefinition(f"{id}_truth", f"{title} of the truth", unit, "truth", f"{formula} of X", truth, 2)


_ALL = (
    _psnr(
        "psnr",
        "PSNR",
        "10 log10(255^2 / mean (C - X)^2); infinite, and never capped, where C = X",
        "per image as in the evaluation code of Pluralistic, AOT-GAN, MAT and mmagic",
    ),
    _psnr(
        "psnr_cap100",
        "PSNR, 100 where equal",
        "as PSNR, but 100 dB where C = X",
        "the evaluation script of Pluralistic",
        column="psnr",
    ),
    _psnr(
        "psnr_pooled",
        "PSNR of the pooled error",
        "10 log10(255^2 / mean over all images of the mean (C - X)^2); never above the mean PSNR",
        "torchmetrics and Kornia by default, if the whole test set is one batch",
        column="mse",
        aggregate="pooled",
    ),
    _psnr(
        "psnr_batch16",
        "PSNR per batch of 16",
        "mean over batches of 16 images, in their order, of 10 log10(255^2 / mean over the batch of (C - X)^2)",
        "LBAM's test code; training logs as those of EdgeConnect",
        column="mse",
        aggregate="per batch",
    ),
    _psnr(
        "psnr_y",
        "PSNR of Y",
        "of Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, unrounded, against 255^2",
        "BasicSR with test_y_channel; BT.601 as in MATLAB's rgb2ycbcr",
    ),
    _psnr(
        "psnr_gray",
        "PSNR in gray",
        "of 0.2125 R + 0.7154 G + 0.0721 B, unrounded, against 255^2",
        "scripts/metrics.py of EdgeConnect, with scikit-image's rgb2gray",
    ),
    _psnr(
        "psnr_hole",
        "PSNR in the hole",
        "10 log10(255^2 / mean (C - X)^2 over the pixels of H) = PSNR + 10 log10(share of H)",
        "papers that say 'in the masked region'",
        column="psnr",
    ),
    _psnr(
        "psnr_zits",
        "PSNR plus 1",
        "1 - 10 log10(mean (C - X)^2 / 255^2 + 1e-7): the peak's 20 log10(max) replaced by max = 1",
        "the metric scripts of ZITS, MST, MAE-FAR and ZITS++",
        column="mse",
    ),
    _psnr(
        "psnr_range2",
        "PSNR with range 2",
        "PSNR + 20 log10(2): floating-point pictures in [0,1] whose range is taken for 2",
        "old scikit-image without data_range",
        column="psnr",
    ),
    MetricDefinition(
        "mse",
        "MSE",
        "grey levels²",
        "lower",
        "mean (C - X)^2",
        "what the PSNRs over many images are made of",
        2,
        limits=(0.0, 255.0**2),
    ),
    _ssim(
        "ssim",
        "SSIM",
        "Gaussian window 11x11, sigma 1.5, where it fits whole; range 255, population covariance",
        "Wang et al. 2004, Eq. (13); per channel and valid region as in MAT and mmagic",
    ),
    _ssim(
        "ssim_zero",
        "SSIM, zero-padded",
        "Gaussian window 11x11, sigma 1.5, at every pixel, zeros around the picture; population covariance",
        "LaMa, and pytorch_ssim, which many copied",
    ),
    _ssim(
        "ssim_full",
        "SSIM, mirror-padded",
        "Gaussian window 11x11, sigma 1.5, at every pixel, the picture mirrored around it; population covariance",
        "torchmetrics from 1.4.2 on; its border was cut before",
    ),
    _ssim(
        "ssim_u7",
        "SSIM, uniform 7",
        "uniform window 7x7, where it fits whole; range 255, sample covariance",
        "scikit-image by default; AOT-GAN and MISF, but for their truncation",
        side=7,
    ),
    _ssim(
        "ssim_u11",
        "SSIM, uniform 11",
        "uniform window 11x11, where it fits whole; range 255, sample covariance",
        "TFill, and RN but for its truncation: scikit-image with win_size 11",
    ),
    _ssim(
        "ssim_y",
        "SSIM of Y",
        "of Y as in PSNR of Y: Gaussian window 11x11, sigma 1.5, where it fits whole; population covariance",
        "IQA-PyTorch by default; BasicSR with test_y_channel",
    ),
    _ssim(
        "ssim_gray7",
        "SSIM in gray, uniform 7",
        "of gray as in PSNR in gray: uniform window 7x7, where it fits whole; sample covariance",
        "scikit-image by default, on gray pictures",
        side=7,
    ),
    _ssim(
        "ssim_gray51",
        "SSIM in gray, uniform 51",
        "of gray as in PSNR in gray: uniform window 51x51, where it fits whole; sample covariance",
        "scripts/metrics.py of EdgeConnect, and who copied it",
        side=51,
    ),
    _ssim(
        "ssim_zits",
        "SSIM of ZITS",
        "of 0.0721 R + 0.7154 G + 0.2125 B in [0,1], whose range is taken for 2: uniform window 7x7, where it fits"
        " whole; sample covariance",
        "the metric scripts of ZITS, MST and MAE-FAR: rgb2gray of OpenCV's BGR, old scikit-image without data_range",
        side=7,
    ),
    _ssim(
        "ssim_lbam",
        "SSIM of LBAM",
        "as SSIM, zero-padded, of pictures in 0...255 with the constants for [0,1]: range 1",
        "LBAM's test code, and CTSDG's after it: pytorch_ssim of 255 x; exact, where float32 would add noise",
    ),
    _l(
        "l1",
        "L1",
        "%",
        "100 / 255 * mean |C - X| over the whole image",
        "the evaluation scripts of MAT, ZITS and TFill",
    ),
    _l(
        "l1_grey",
        "L1 in grey levels",
        "grey levels",
        "mean |C - X| over the whole image",
        "the evaluation script of Pluralistic, whose paper prints it under %",
        column="l1",
        top=255.0,
    ),
    _l(
        "l1_m11",
        "L1 on [-1,1]",
        "%",
        "100 / 127.5 * mean |C - X| over the whole image: 2 L1",
        "the reading of Contextual Attention's table that fits its PSNR best",
        column="l1",
        top=200.0,
    ),
    _l(
        "l1_hole",
        "L1 in the hole",
        "%",
        "100 / 255 * mean |C - X| over the pixels of H",
        "mmagic; equals L1 divided by the hole's share of the image",
    ),
    _l(
        "l1_rel",
        "L1, relative",
        "%",
        "100 * sum |C - X| / sum X",
        "Contextual Attention by its author's word; EdgeConnect's training log",
        top=float("inf"),
    ),
    _l(
        "l1_sym",
        "L1, symmetric",
        "%",
        "100 * sum |C - X| / sum (C + X)",
        "src/metric/metric.py of AOT-GAN",
    ),
    _l(
        "l1_sym_gray",
        "L1, symmetric, in gray",
        "%",
        "100 * sum |C - X| / sum (C + X), of gray as in PSNR in gray",
        "scripts/metrics.py of EdgeConnect",
    ),
    _l(
        "l1_channels",
        "L1 of channel means",
        "%",
        "100 / 255 * mean |mean over channels of C - X|",
        "eval.py of RN, but for its truncation",
    ),
    _l(
        "l2",
        "L2",
        "%",
        "100 / 255^2 * mean (C - X)^2",
        "a reading of Contextual Attention's table",
        column="mse",
    ),
    _l(
        "l2_m11",
        "L2 on [-1,1]",
        "%",
        "100 / 127.5^2 * mean (C - X)^2: 4 L2",
        "a reading of Contextual Attention's table",
        column="mse",
        top=400.0,
    ),
    _l(
        "l2_rel",
        "L2, relative",
        "%",
        "100 * sum (C - X)^2 / sum X^2",
        "Contextual Attention by its author's word",
        top=float("inf"),
    ),
    *_tv(
        "tv",
        "TV",
        "grey levels",
        "mean sqrt(gx^2 + gy^2), forward differences that wrap around,",
        "the evaluation script of Pluralistic (Zheng et al. 2019)",
    ),
    MetricDefinition(
        "tv_excess",
        "TV beyond the truth's",
        "grey levels",
        "neither",
        "TV of C minus TV of X: below 0 where the result is smoother than the truth, above 0 where it is rougher",
        "claims of blur or noise, which name no opponent",
        2,
        column="tv",
        limits=(float("-inf"), float("inf")),
    ),
    *_tv(
        "tv_aniso",
        "TV, anisotropic",
        "%",
        "100 / 127.5 * (mean |gx| + mean |gy|), differences inside the picture,",
        "a reading of Contextual Attention's table, on [-1,1]",
    ),
    *_tv(
        "tv_rel",
        "TV, relative",
        "%",
        "100 * TV / mean grey level",
        "a reading of Contextual Attention's table",
    ),
    *_tv(
        "tv_sum",
        "TV, sum",
        "",
        "sum (|gx| + |gy|) / 255, differences inside the picture,",
        "torchmetrics, Kornia and TensorFlow, on [0,1]",
    ),
    MetricDefinition(
        "lpips",
        "LPIPS",
        "",
        "lower",
        "distance of AlexNet features of C and X, each in [-1,1], with the linear layers of version 0.1",
        "Zhang et al. 2018; the lpips package, net 'alex', version 0.1",
        3,
        smallest_side=31,
    ),
    MetricDefinition(
        "lpips_vgg",
        "LPIPS of VGG",
        "",
        "lower",
        "distance of VGG-16 features of C and X, each in [-1,1], with the linear layers of version 0.1",
        "the lpips package, net 'vgg', version 0.1; the default of several wrappers",
        3,
        smallest_side=16,
    ),
)

_BY_ID = {definition.id: definition for definition in _ALL}


def _of_another(id: str, end: str, title: str, result: str, source: str, **more: object) -> MetricDefinition:
    """The definition `id`, but of `result`."""
    like, own = _BY_ID[id], f"{id}_{end}"
    formula = f"as {like.title}, of {result}"
    return replace(like, id=own, column=own, title=f"{like.title}{title}", formula=formula, source=source, **more)  # type: ignore[arg-type]


_CENTER = ("center", ", of the centre", "the middle half of rows and columns alone, 64 to 192 of 256")
_TRUNC = ("trunc", ", truncated", "a result that is cut off to 8 bits, not rounded")
_RAW = ("raw", " of the raw result", "R")
_TFILL, _UNPASTED = "TFill's evaluation of centre holes", "for results that are not pasted into the known pixels"
_MISF = "MISF, and AOT-GAN's test code, which saves with astype(uint8)"
_VARIANTS = (
    *(_of_another(id, *_CENTER, _TFILL, smallest_side=side) for id, side in (("psnr", 2), ("ssim_u11", 22), ("l1", 2))),
    *(_of_another(id, *_TRUNC, _MISF, rounding=_CUT) for id in ("psnr", "ssim_u7")),
    *(_of_another(id, *_TRUNC, "eval.py of RN", rounding=_CUT) for id in ("ssim_u11", "l1_channels")),
    *(_of_another(id, *_RAW, _UNPASTED, scored="raw") for id in ("psnr", "ssim", "l1", "tv")),
)

DEFINITIONS: dict[str, MetricDefinition] = _BY_ID | {definition.id: definition for definition in _VARIANTS}

HEADLINE = ("psnr", "ssim", "l1", "l1_hole", "tv", "lpips")
