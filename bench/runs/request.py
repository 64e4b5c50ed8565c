"""The request: one object for the command line, Python, the queue and the job on a node.

Every default of a run stands here and nowhere else: the command line takes its options from these fields, and a queued
task holds its request as JSON. Where and how long something runs is not here (bench/cluster/profile.py). No torch.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypedDict, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.methods.settings import DEFAULT, parse_sets
from bench.training.options import Options
from bench.util.errors import UserError, nearest

Seed = Annotated[int, Field(ge=0, lt=2**63)]


def cache_folder() -> Path:
    """Where data sets are packed: INPAINT_BENCH_CACHE, else the user's cache folder."""
    from platformdirs import user_cache_path

    named = os.environ.get("INPAINT_BENCH_CACHE")
    return Path(named) if named else user_cache_path("inpaint-bench")


class Asked(TypedDict, total=False):
    """`Request`'s fields as Python callers may write them: a single value for a list, a string for a path."""

    scale: str
    data: str | Sequence[str]
    mask_sets: str | Sequence[str]
    variants: str | Sequence[str]
    seeds: int | Sequence[int]
    changes: Mapping[str, Any]
    paper: str | None
    with_baselines: bool
    networks: str | Path | Sequence[str | Path]
    trust: bool
    lpips: str | Path | None
    include: str | Path | Sequence[str | Path]
    device: str
    processes: int
    threads: int
    workers: int
    minutes: float | None
    checkpoint_seconds: float
    out: str | Path
    cache: str | Path
    force: bool


class Request(BaseModel):
    """One method, and everything that its runs depend on except the code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """A paper or baseline as `list` shows it, or `torchscript:FILE`."""
    scale: str = "quick"
    data: tuple[str, ...] = ()
    """Data sets, `NAME[=PATH]`, instead of the scale's."""
    mask_sets: tuple[str, ...] = ()
    """Names of drawn mask sets, or `KIND=PATH`, instead of the scale's."""
    variants: tuple[str, ...] = ()
    """For `reproduce`, these run besides the method as printed and the scale's own; `all` runs every variant."""
    seeds: tuple[Seed, ...] = ()
    """Of the trainings; none: for `reproduce` as many as the scale says, from 0 on, else 0."""
    changes: dict[str, Any] = {}
    """Settings to change; the run is named after them. `METHOD.SETTING` changes another method that `reproduce` runs.
    `KEY=VALUE` strings work too."""
    paper: str | None = None
    """The paper whose protocol to use; None for the method's own."""
    with_baselines: bool = False
    """Also run every other method that the paper.toml names."""
    networks: tuple[Path, ...] = ()
    """Files of networks trained elsewhere, instead of training."""
    trust: bool = False
    """Whether to load a TorchScript file, which executes the code in it."""
    lpips: Path | None = None
    """Folder that holds the LPIPS trunk's weights."""
    include: tuple[Path, ...] = ()
    """Further folders and files to look for methods in."""
    device: str = "auto"
    processes: int = Field(default=1, ge=1)
    """How many processes train together on this machine."""
    threads: int = Field(default=1, ge=1)
    """Of a processor, for all that a method does: with so many the bits are the same on any machine of its kind."""
    workers: int = Field(default=0, ge=0)
    """Runs at a time of a reproduction on a processor; 0: as many as it has cores, where that is worth their start."""
    minutes: float | None = Field(default=Options.minutes, ge=0)
    checkpoint_seconds: float = Field(default=Options.checkpoint_seconds, ge=0)
    out: Path = Path("runs")
    """Where runs, records and pages are kept."""
    cache: Path = Field(default_factory=cache_folder)
    """Where data sets are packed."""
    force: bool = False
    """Recompute what is already there."""

    @classmethod
    def of(cls, key: str, **asked: Any) -> Self:
        """A request from user input. Raises UserError naming the field, the value and the remedy."""
        for name in asked:
            if name not in cls.model_fields:
                raise UserError(f"There is no option '{name}'.{nearest(name, list(cls.model_fields))}")
        try:
            return cls(key=key, **asked)
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError(f"{first['loc'][0]} = {first['input']!r}: {first['msg']}.") from error

    @model_validator(mode="before")
    @classmethod
    def _one_is_several(cls, values: Any) -> Any:
        """A single value for a list; `changes` as strings."""
        for name, value in dict(values).items() if isinstance(values, Mapping) else ():
            field = cls.model_fields.get(name)
            if field is not None and get_origin(field.annotation) is tuple and isinstance(value, str | int | Path):
                values = {**values, name: (value,)}
            if name == "changes" and isinstance(value, list | tuple):
                values = {**values, name: parse_sets(value)}
        return values

    @property
    def variant(self) -> str:
        """Of the request for one run."""
        return self.variants[0] if self.variants else DEFAULT

    def seeds_or(self, count: int = 1) -> tuple[int, ...]:
        """The seeds asked for, each once; where there are none, the first `count`."""
        return tuple(dict.fromkeys(self.seeds)) or tuple(range(count))

    @property
    def options(self) -> Options:
        return Options(self.minutes, self.checkpoint_seconds)

    def but(self, **changed: Any) -> Self:
        """A copy with other values, which are not validated."""
        return self.model_copy(update=changed)

    def rooted(self) -> Self:
        """A copy with absolute paths: jobs run in another folder."""
        return self.but(
            data=tuple(absolute(spec) for spec in self.data),
            mask_sets=tuple(absolute(spec) for spec in self.mask_sets),
            networks=tuple(path.resolve() for path in self.networks),
            lpips=self.lpips and self.lpips.resolve(),
            include=tuple(path.resolve() for path in self.include),
            out=self.out.resolve(),
            cache=self.cache.resolve(),
        )


def absolute(spec: str) -> str:
    """`NAME=PATH` with the path made absolute."""
    name, equals, path = spec.partition("=")
    return f"{name}={Path(path).expanduser().absolute()}" if equals else spec
