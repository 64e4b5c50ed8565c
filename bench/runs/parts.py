"""The typed parts of record.json. Nothing here imports torch."""

import json
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.util.files import sha256
from bench.util.part import Part

LPIPS = "alex v0.1"
"""The LPIPS that is measured: trunk and version."""

Count = Annotated[int, Field(ge=0)]
BySide = dict[Literal["train", "test"], str]


class Skipped(Part):
    """A picture of the data set that could not be used."""

    name: str
    reason: str


class Outside(Part):
    """Pictures that lie outside the data folder, behind links."""

    count: Count
    first: str


class Doubled(Outside):
    """Images whose very pixels an earlier one of the same side has."""

    of: str
    """That one, for the first."""


class DataManifest(Part):
    """What the images are, the same wherever their folder lies."""

    name: str
    resolution: int
    """Height and width in pixels."""
    split: str
    """How train and test were separated, in words."""
    crop: str
    """How a picture became a square, in words."""
    counts: dict[Literal["train", "test", "set_aside"], Count]
    """Images."""
    groups: dict[Literal["train", "test"], Count]
    """Independent groups of images, such as the photographs that crops are from."""
    sha256: BySide
    """Over ids, groups and pixels."""
    mean_colour: tuple[float, float, float]
    """Of the training images, in [0,1]."""
    licences: list[str]
    notes: list[str]
    skipped: list[Skipped]
    repeated: list[str]
    """Test images whose very pixels are also in train."""
    outside: Outside | None = None
    """None where there are none."""
    doubled: Doubled | None = None
    """None where there are none."""

    @property
    def fingerprint(self) -> str:
        """What a run calls its data by (`Run.data`)."""
        return sha256(json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True).encode())


class MaskFiles(Part):
    """The files that a mask set's holes are from."""

    used: Count
    in_folder: Count
    sha256: str
    """Over names and bytes of the files used."""


class MaskSetManifest(Part):
    """The holes of one mask set over the test images."""

    name: str
    version: int
    height: int
    width: int
    count: Count
    """Holes."""
    sha256: str
    hole_share: Annotated[list[Count], Field(min_length=10, max_length=10)]
    """Holes by their share of the picture: 0 to under 10 %, ... 90 to 100 %."""
    mean_share: float | None = None
    """Mean share of missing pixels, in [0,1]. None in what earlier versions wrote."""
    note: str = ""
    """What a reader must know of the mask set."""
    files: MaskFiles | None = None
    """None for a drawn mask set."""


class StageFacts(Part):
    """One stage of a training."""

    name: str
    steps: Count
    batch_size: int
    blind: dict[str, float] = Field(default_factory=dict)
    """What discriminators' losses read when they tell nothing apart, by scalar."""


class TrainingFacts(Part):
    """How the networks came about."""

    stages: list[StageFacts]
    steps: Count
    """Over all stages."""
    parameters: dict[str, Count]
    """Trainable parameters of each network."""
    weights_sha256: str
    processes: tuple[int, ...] = (1,)
    """Numbers of processes, ascending, that worked on the training."""
    threads: int | None = None
    """Threads of a processor that it had, on which its last bits depend; None on another device, and of old records."""

    @property
    def images(self) -> int:
        """Training images seen, repeats counted."""
        return sum(stage.steps * stage.batch_size for stage in self.stages)


class CodeFacts(Part):
    """Which code made the record. The first three are None outside a git checkout."""

    commit: str | None
    dirty: bool | None
    diff_sha256: str | None
    method_sha256: str


class Hardware(Part):
    """What the bits of a result may depend on."""

    device: str
    cpu: str
    cores: int | None
    threads: int
    gpu: str | None
    system: str
    machine: str


class LpipsFacts(Part):
    """Which LPIPS was measured, or why none was."""

    version: str | None
    reason: str = ""
    """Why there is no number, and how to get one; empty where there is one."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "LpipsFacts":
        if (self.version is None) == (not self.reason):
            raise ValueError("either a version or the reason why there is none")
        return self

    @property
    def text(self) -> str:
        return self.version or self.reason


class NearRule(Part):
    """When two images count as nearly the same."""

    hamming_at_most: int
    correlation_at_least: float


class Overlap(Part):
    """A test image and the training image that it equals."""

    test: str
    train: str
    kind: Literal["exact", "near"]


class Leakage(Part):
    """What the audit found (bench/runs/leakage.py)."""

    test_images: Count
    train_images: Count
    exact: Count
    """Test images that are also training images."""
    near: Count
    """Further test images that nearly are."""
    near_rule: NearRule
    examples: list[Overlap]
    training_holes: Count
    """So many training holes were compared with the mask sets."""
    holes_shared: dict[str, Count]
    """By mask set: its holes that are also training holes."""
    mask_files_shared: dict[str, Count]
    """By mask set of files: its holes whose file is also a training mask."""


class WeightFile(Part):
    """A file of weights."""

    file: str
    sha256: str


class PretrainedFacts(Part):
    """What is known of weights that somebody else trained."""

    name: str
    label: str = ""
    """The label added to the method's name in a row."""
    files: list[WeightFile]
    licence: str
    source: str = ""
    training: str
    trained_on: str = ""
    notes: list[str]


class KnownPixels(Part):
    """How the known pixels of pictures from elsewhere differ from the truth's."""

    pictures: Count
    changed: Count
    unequal_share: float
    """Mean share of the known pixels that differ."""
    error_grey_levels: float
    error_most: int
    """In grey levels."""
    psnr: float | None
    """Of the composites, in dB; None where none is finite."""
    psnr_raw: float | None
    """Of the pictures as they came, in dB."""
    shift: float = 0.0
    """Mean difference of the known pixels from the truth's, in grey levels; positive where they came back brighter."""


class ExternalFacts(Part):
    """What came back from another tool."""

    forms: dict[str, Count]
    """Pictures by file format."""
    extra: list[str]
    """Files that belong to no picture of the export."""
    known: KnownPixels


class SpotCheck(Part):
    """Some of the images filled again, in another process that has no truth, and compared."""

    images: Count
    different: Count
    why: str = ""
    """Why the record stands on no leaderboard and in no verdict; empty where no image came out different."""
