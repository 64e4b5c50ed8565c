"""How a reported row was measured, as its paper says: typed, so that nothing has to be read out of a sentence."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, field_validator

from bench.masks.names import BIN_NAMES, CLEAR, DRAWN
from bench.paper.base import Part, misplaced
from bench.util.errors import nearest

NotSaid = Literal["not said"]
NOT_SAID: NotSaid = "not said"
"""What a field has where the paper is silent; it is written out, never left away."""
KNOWN_MASKS = (*DRAWN, "nvidia", *(f"nvidia_{name}{end}" for end in ("", CLEAR) for name in BIN_NAMES), "qd-imd")
"""Mask sets that can be named: the drawn ones, and published files."""

Pixels = Annotated[int, Field(ge=1)]
Size = tuple[Pixels, Pixels]
"""Height and width in pixels."""
Share = Annotated[float, Field(gt=0, le=1)]


def _or_not_said(form: str) -> WrapValidator:
    """One error for all members of a union, which says what can be written."""

    def validated(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            for details in error.errors():
                if details["type"] == "misfit":
                    raise misplaced((), details["msg"]) from error
            raise misplaced((), f'write {form}, or "{NOT_SAID}"; prose goes into the note') from error

    return WrapValidator(validated)


class About(Part):
    """A number that the paper gives as approximate."""

    about: int = Field(ge=1)

    def __str__(self) -> str:
        return f"about {count(self.about)}"


class CenterHole(Part):
    """One rectangle in the middle, the same in every image."""

    kind: Literal["center"]
    hole: Size | NotSaid
    """Height and width in pixels."""

    def __str__(self) -> str:
        return "central hole" if self.hole == NOT_SAID else f"central hole of {size_text(self.hole)}"


class RandomRectangles(Part):
    """One rectangle at a random place of each image."""

    kind: Literal["rectangle"]
    sides: tuple[Pixels, Pixels] | NotSaid
    """The least and the largest side in pixels."""

    def __str__(self) -> str:
        if self.sides == NOT_SAID:
            return "rectangles at random places"
        return f"rectangles at random places, sides of {self.sides[0]} to {self.sides[1]}"


class NamedMasks(Part):
    """The very holes of a mask set that this project knows by name: drawn by the same rule, or the same files."""

    kind: Literal["named"]
    name: str

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in KNOWN_MASKS:
            raise misplaced((), f"'{name}' is not the name of a mask set.{nearest(name, list(KNOWN_MASKS))}")
        return name

    def __str__(self) -> str:
        return self.name


class OtherMasks(Part):
    """Holes of another kind; no mask set here is like them."""

    kind: Literal["other"]
    text: str = Field(min_length=1)

    def __str__(self) -> str:
        return self.text


Masks = Annotated[CenterHole | RandomRectangles | NamedMasks | OtherMasks, Field(discriminator="kind")]


class ReportedProtocol(Part):
    """How a reported row says it was measured; each field is "not said" where the paper is silent."""

    data: Annotated[
        Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] | NotSaid,
        _or_not_said('a short name such as "celeba" or "paris-streetview"'),
    ]
    """The data set: the name that `--data` has for it, or any other short name."""
    split: Annotated[
        Literal["official test", "official validation", "held out"] | NotSaid,
        _or_not_said('"official test", "official validation" or "held out"'),
    ]
    """The images scored: a part that the data set itself defines, or images that the authors kept out of training."""
    images: Annotated[
        Annotated[int, Field(ge=1)] | About | NotSaid, _or_not_said("a number of images such as 300 or { about = 300 }")
    ]
    """How many were scored."""
    resolution: Annotated[Size | NotSaid, _or_not_said("height and width such as [256, 256]")]
    mask_set: Annotated[
        Masks | NotSaid,
        _or_not_said(
            'a table such as { kind = "center", hole = [128, 128] }, { kind = "rectangle", sides = [96, 128] },'
            ' { kind = "named", name = "nvidia_10_20" } or { kind = "other", text = "..." } (a size in it can be'
            ' "not said")'
        ),
    ]
    hole_share: Annotated[
        Share | tuple[Share, Share] | NotSaid, _or_not_said("a share of the picture such as 0.25 or [0.1, 0.2]")
    ]
    """Share of missing pixels: the same in all images, or its range."""
    scored: Annotated[Literal["composite", "raw"] | NotSaid, _or_not_said('"composite" or "raw"')]
    """Whether known pixels were pasted back before the result was scored."""
    note: str = ""
    """What the paper says beyond the fields, for a reader."""

    @property
    def fixed_share(self) -> float | None:
        """The share of missing pixels where it is one number."""
        return self.hole_share if isinstance(self.hole_share, float) else None

    @property
    def facts(self) -> dict[str, str]:
        """Each field in words, by its name in sentences; "not said" where it is."""
        shown: dict[str, tuple[Any, Callable[[Any], str]]] = {
            "data": (self.data, str),
            "split": (self.split, str),
            "images": (self.images, count),
            "size": (self.resolution, size_text),
            "holes": (self.mask_set, str),
            "hole share": (self.hole_share, share_text),
            "scored pixels": (self.scored, str),
        }
        return {name: NOT_SAID if value == NOT_SAID else text(value) for name, (value, text) in shown.items()}

    def __str__(self) -> str:
        """One or two sentences: what is said, and what is not."""
        facts = self.facts
        forms = {"images": "{} images", "hole share": "{} missing", "scored pixels": "{} scored"}
        said = [forms.get(name, "{}").format(text) for name, text in facts.items() if text != NOT_SAID]
        unsaid = ", ".join(name for name, text in facts.items() if text == NOT_SAID)
        parts = [f"{'; '.join(said)}."] if said else []
        return " ".join([*parts, *([f"Not said: {unsaid}."] if unsaid else [])])


def count(images: int | About) -> str:
    """`20 000`, or `about 1000`."""
    if isinstance(images, About):
        return str(images)
    return f"{images:,}".replace(",", " ") if images >= 10_000 else str(images)


def size_text(size: Size) -> str:
    """`256x256`: height x width."""
    return f"{size[0]}x{size[1]}"


def share_text(share: float | tuple[float, float]) -> str:
    """`25 %`, or `10 to 20 %`."""
    ends = share if isinstance(share, tuple) else (share,)
    return f"{' to '.join(f'{100 * end:g}' for end in ends)} %"
