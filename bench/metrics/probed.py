"""Metrics beyond metric definitions.py: those of the probes, and what methods tell of images. Nothing here imports
torch.

Y is the composite in floating point, in [0,1], before any rounding; H is the hole. bench/runs/probes.py measures; each
value is one image's.
"""

from bench.data.protocol import Probe
from bench.metrics.definitions import DEFINITIONS, MetricDefinition

REPEATS = 4
"""Inpaint seeds that `repeat` tries."""
BEST_OF = 10
"""Inpaint seeds among which `best_of` chooses with the truth in view; the first are those of `repeat`."""
TOLD = "aux_"
"""A column of scores.csv that begins so is a fact that the method itself tells of an image
(`Inpainter.diagnostics`)."""

_RATIO = "rms over H of the change of Y, divided by the rms over the known pixels of the change of the picture"
_WHO = "a slightly changed picture with the same inpaint seed; infinite where no known pixel changed"
_CHANGES = {
    "amplify_noise": ("noise", "Gaussian noise, sigma 2 / 255, clipped to [0,1]"),
    "amplify_brightness": ("brightness", "2 / 255 added, clipped to [0,1]"),
    "amplify_jpeg": ("JPEG", "JPEG of quality 95 without chroma subsampling, H black"),
    "amplify_shift": ("a shift", "picture and H moved 1 pixel right, Y moved back, the new column left out"),
}

_REPEAT = (
    MetricDefinition(
        "repeat_l1",
        "Spread of L1 in the hole",
        "%",
        "lower",
        f"100 * mean |Y - Y'| over H, mean over the pairs of {REPEATS} inpaint seeds",
        "the same picture filled again",
        2,
        limits=(0.0, 100.0),
        rounding="none",
    ),
    MetricDefinition(
        "repeat_psnr",
        "Spread of PSNR",
        "dB",
        "lower",
        f"standard deviation (n - 1) of PSNR over {REPEATS} inpaint seeds; 0 where all Y are equal",
        "the same picture filled again",
        2,
        rounding="none",
    ),
)
_PERTURB = tuple(
    MetricDefinition(id, f"Amplification under {what}", "", "lower", f"{_RATIO}: {how}", _WHO, 2, rounding="none")
    for id, (what, how) in _CHANGES.items()
)
_ORACLE = f"PSNR of Y, for each of {BEST_OF} inpaint seeds, float64; the"
_BEST_OF = (
    MetricDefinition(
        f"best_of_{BEST_OF}_psnr",
        f"Oracle: PSNR of the best of {BEST_OF}",
        "dB",
        "higher",
        f"{_ORACLE} largest of them",
        "several fills, of which one is chosen with the truth in view: no method's own result",
        2,
        rounding="none",
    ),
    MetricDefinition(
        f"mean_of_{BEST_OF}_psnr",
        "PSNR of the same fills",
        "dB",
        "higher",
        f"{_ORACLE} mean of them",
        "the same fills, none chosen",
        2,
        rounding="none",
    ),
)

PROBES: dict[Probe, tuple[MetricDefinition, ...]] = {"repeat": _REPEAT, "perturb": _PERTURB, "best_of": _BEST_OF}
PROBED: dict[str, MetricDefinition] = {one.id: one for metrics in PROBES.values() for one in metrics}


def definition_of(name: str) -> MetricDefinition | None:
    """Of a metric definition, of a probe's metric, or of a `aux_` column; None for any other name."""
    if name.startswith(TOLD):
        title = f"{name.removeprefix(TOLD).replace('_', ' ')} (self-reported)"
        unbounded = (float("-inf"), float("inf"))
        return MetricDefinition(
            name, title, "", "neither", "the method's own word", "", 3, limits=unbounded, rounding="none"
        )
    return DEFINITIONS.get(name) or PROBED.get(name)


def known() -> list[str]:
    """All names but the `aux_` ones, which are for methods to give."""
    return [*DEFINITIONS, *PROBED]
