"""Pictures that came back and cannot be what the tool made of the damaged ones: they are refused before any scoring.

Pasting hides such a mistake, because known pixels are the truth's whatever came back, and a wrong row would be ranked.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.near_duplicates import thumbnails
from bench.exchange.known import SHARE_OF_ERROR
from bench.exchange.layout import Picture
from bench.exchange.returned import Returned, ReturnedSet
from bench.util.errors import UserError
from bench.util.progress import OnProgress

Pixels = NDArray[np.uint8]
Read = Callable[[Returned], tuple[Pixels, NDArray[np.bool_], Pixels]]
"""Truth (3,H,W), hole (1,H,W) and what came back (3,H,W) for one file."""
Truth = Callable[[Picture], Pixels]

UNLIKE = 4.0
"""Known pixels that differ by less, in grey levels on average, need no explanation; JPEG stays below."""
DARK = 16.0
"""Where the truth is darker than this in the hole, a black hole may be a fill."""
BLACK = 1 / 16
"""Of the truth's level in the hole: what is darker is the black of the export, which JPEG may have blurred."""
CELLS = 16
"""So many cells of a thumbnail have to be known before it tells whose picture it is."""

UNFILLED = "unfilled, the hole black as it was exported"
ANOTHER = "as another image's"
MEND = {
    UNFILLED: "Have the tool fill them, or remove the files and score the rest with --partial.",
    "with red and blue swapped": "Save RGB; for OpenCV, which assumes BGR, convert first.",
    ANOTHER: "Name each after the damaged picture that it was made from.",
    "mirrored": "Undo the flip before saving.",
    "upside down": "Undo the flip before saving.",
    "rotated by 180 degrees": "Undo the rotation before saving.",
    "transposed": "Save rows as rows and columns as columns.",
    "inverted": "Save the picture itself, not its negative.",
}
_CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "with red and blue swapped": lambda raw: raw[::-1],
    "mirrored": lambda raw: raw[..., ::-1],
    "upside down": lambda raw: raw[:, ::-1],
    "rotated by 180 degrees": lambda raw: raw[:, ::-1, ::-1],
    "transposed": lambda raw: raw.transpose(0, 2, 1),
    "inverted": lambda raw: 255 - raw,
}


class _Looked(NamedTuple):
    """One picture that came back: the mistake, or how unlike its known pixels are without an explanation yet."""

    file: Returned
    mistake: str
    unlike: float


def check_none_mistaken(batch: ReturnedSet, read: Read, truth: Truth, report: OnProgress) -> None:
    """Raise UserError with the count, an example and the remedy where pictures of a mask set are mistaken.

    That is: unfilled, of swapped colours, flipped, rotated, inverted, or another image's.
    """
    looked: list[_Looked] = []
    with ThreadPoolExecutor(4) as pool:
        for file in pool.map(lambda file: _look(file, *read(file)), batch.files):
            looked.append(file)
            report(f"comparing {batch.mask_set}", len(looked), len(batch.files))
        strange = [one for one in looked if not one.mistake and one.unlike > UNLIKE]
        others = _others(strange, batch, read, truth, pool) if strange else {}
    found = [(one.file, one.mistake or others.get(one.file.path, "")) for one in looked]
    _refuse(batch, [(file, mistake) for file, mistake in found if mistake])


def _refuse(batch: ReturnedSet, found: Sequence[tuple[Returned, str]]) -> None:
    if not found:
        return
    kind, count = Counter(_kind(mistake) for _, mistake in found).most_common(1)[0]
    file, mistake = next((file, mistake) for file, mistake in found if _kind(mistake) == kind)
    more = f" (and {len(found) - count} with other mistakes)" if len(found) > count else ""
    what = f"{count} of {len(batch.files)} pictures came back {mistake}{more}"
    raise UserError(f"Mask set {batch.mask_set}: {what}, the first {file.path}. {MEND[kind]}")


def _kind(mistake: str) -> str:
    return ANOTHER if mistake.startswith(ANOTHER) else mistake


def _look(file: Returned, truth: Pixels, hole: NDArray[np.bool_], raw: Pixels) -> _Looked:
    known, missing = ~hole[0], hole[0]
    level = float(truth[:, missing].mean())
    if level >= DARK and float(raw[:, missing].mean()) <= BLACK * level:
        return _Looked(file, UNFILLED, 0.0)
    if not known.any():
        return _Looked(file, "", 0.0)
    unlike = _apart(raw, truth, known)
    if unlike > UNLIKE:
        for name, change in _CHANGES.items():
            turned = raw.shape[1] == raw.shape[2] or name != "transposed"
            if turned and _apart(change(raw), truth, known) < SHARE_OF_ERROR * unlike:
                return _Looked(file, name, unlike)
    return _Looked(file, "", unlike)


def _apart(raw: Pixels, truth: Pixels, known: NDArray[np.bool_]) -> float:
    """Mean difference over the known pixels, in grey levels."""
    return float(np.abs(raw[:, known].astype(np.int16) - truth[:, known]).mean())


def _others(
    strange: Sequence[_Looked], batch: ReturnedSet, read: Read, truth: Truth, pool: ThreadPoolExecutor
) -> dict[Path, str]:
    """For the pictures that are another image's: which. Thumbnails of the known pixels choose, the pixels decide."""
    pictures = [file.picture for file in batch.files]
    thumbs = np.concatenate(list(pool.map(lambda one: thumbnails(truth(one)[None]), pictures))).reshape(
        len(pictures), -1
    )
    thumbs = thumbs.astype(np.float32)
    squares = np.square(thumbs).T

    def another(one: _Looked) -> str:
        _, hole, raw = read(one.file)
        shown = thumbnails(np.repeat(np.where(hole, np.uint8(255), np.uint8(0)), 3, axis=0)[None]).ravel() == 0
        if np.count_nonzero(shown) < CELLS:
            return ""
        thumb = thumbnails(raw[None]).ravel().astype(np.float32)
        weight = shown.astype(np.float32)
        best = int((weight @ squares - 2 * (thumbs @ (weight * thumb))).argmin())
        if pictures[best].id == one.file.picture.id:
            return ""
        apart = _apart(raw, truth(pictures[best]), ~hole[0])
        return f"{ANOTHER}, {pictures[best].name}.png" if apart < SHARE_OF_ERROR * one.unlike else ""

    return {one.file.path: mistake for one, mistake in zip(strange, pool.map(another, strange), strict=True) if mistake}
