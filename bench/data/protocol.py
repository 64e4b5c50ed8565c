"""Protocol: data split + resolution + mask sets + what is scored. Nothing here imports torch."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from bench.masks.names import check_mask_sets, mask_set_name
from bench.util.errors import UserError
from bench.util.part import Part

Probe = Literal["repeat", "perturb", "best_of"]
"""A measurement beyond one scoring pass; see bench/runs/probes.py."""


class ProtocolOverrides(Part):
    """What a paper's scale may say of its protocol; what it leaves out stays as in `DEFAULTS`."""

    data: list[str] | None = None
    """Names of data sets; `reproduce` takes each in turn."""
    resolution: int | None = Field(default=None, ge=8)
    images: int | None = Field(default=None, ge=2)
    """How many images of the data set are used at all, before the split."""
    split: tuple[int, int, int] | None = None
    """train : test : validation, where the data set brings no split of its own."""
    train_images: int | None = Field(default=None, ge=1)
    """At most this many of the training images are used, by every method."""
    test_images: int | None = Field(default=None, ge=1)
    """At most this many test images are scored."""
    mask_sets: list[str] | None = None
    probes: list[Probe] | None = None
    probe_images: int | None = Field(default=None, ge=1)


class Protocol(Part):
    """One data set, one resolution, the mask sets, the number of images: what makes scores comparable."""

    data: str
    """`NAME` or `NAME=PATH`."""
    resolution: int
    images: int
    split: tuple[int, int, int]
    test_images: int
    mask_sets: tuple[str, ...]
    """Names of drawn mask sets, and mask folders as `KIND=PATH`."""
    train_images: int | None = None
    """At most so many of the training images are used; None: all."""
    probes: tuple[Probe, ...] = ()
    """What is measured beyond the scores, under the mask set `center`."""
    probe_images: int = 64
    """So many of the test images are probed, the first ones."""

    @property
    def data_name(self) -> str:
        return self.data.partition("=")[0]

    @property
    def mask_set_names(self) -> tuple[str, ...]:
        """The mask sets as scores and files name them: without their paths."""
        return tuple(mask_set_name(spec) for spec in self.mask_sets)

    def placeless(self) -> dict[str, Any]:
        """JSON-able, without paths and order of mask sets: what must agree where two measurements can be compared.

        Where nothing is probed it says nothing of probes, and nothing of `train_images` where all are used.
        """
        unused = set() if self.probes else {"probes", "probe_images"}
        unused |= {"train_images"} if self.train_images is None else set()
        own = self.model_dump(mode="json", exclude=unused)
        own |= {"data": self.data_name, "mask_sets": sorted(self.mask_set_names)}
        return own | ({"probes": sorted(self.probes)} if self.probes else {})


DEFAULTS: dict[str, dict[str, Any]] = {
    "smoke": {"data": ["faces"], "resolution": 64, "images": 48, "test_images": 6},
    "quick": {"data": ["faces", "photos"], "resolution": 64, "images": 2400, "test_images": 200},
    "paper": {"data": ["imagenet"], "resolution": 256, "images": 10**9, "test_images": 10**9},
}


def protocols(
    scale: str, overrides: ProtocolOverrides, data: str | None = None, mask_sets: Sequence[str] = ()
) -> list[Protocol]:
    """The protocols of a scale, one for each data set.

    `data` (`NAME[=PATH]`) and `mask_sets` take the place of the scale's own. Raises UserError for an unknown mask set.
    """
    if scale not in DEFAULTS:
        raise UserError(f"There is no scale '{scale}'. Known: {', '.join(DEFAULTS)}.")
    values: dict[str, Any] = {"split": (50, 9, 1), "mask_sets": ("center", "random", "irregular")}
    values |= DEFAULTS[scale] | overrides.model_dump(exclude_none=True)
    if mask_sets:
        values["mask_sets"] = tuple(dict.fromkeys(mask_sets))
    check_mask_sets(values["mask_sets"])
    names = [data] if data else values.pop("data")
    values.pop("data", None)
    return [Protocol(data=name, **values) for name in names]
