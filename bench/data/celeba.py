"""`celeba=PATH`, `celeba-108=PATH`: aligned CelebA (Liu et al. 2015), 178x218, as its archives unpack it."""

from collections.abc import Iterable
from pathlib import Path

from bench.data.listing import Listing, by_id, contents, of_files, pictures_in
from bench.data.protocol import Protocol
from bench.data.split import as_given
from bench.util.errors import UserError

LICENCE = "CelebA: non-commercial research only, by its release agreement"
BASES = (".", "celeba", "CelebA", "Img", "CelebA/Img", "celeba/Img")
PARTITION_BASES = (".", "celeba", "CelebA", "Eval", "CelebA/Eval", "celeba/Eval", "..", "../Eval")
PARTITIONS = ("list_eval_partition.txt", "list_eval_partition.csv")
LAST_TRAIN, LAST_VALIDATION = 162_770, 182_637
"""The official partition runs in order of number: 162,770 / 19,867 / 19,962."""
TRAIN, VALIDATION, TEST = 0, 1, 2
WIDTH = 178
"""Pixels. The aligned pictures are 178 wide and 218 high."""
DCGAN_CROP = 108
"""Side of the middle square that carpedm20's and bamos's DCGAN take: the face without hair and background."""


def listing(protocol: Protocol, root: Path, crop: int | None = None) -> Listing:
    """The official partition; its validation part is set aside. Ids are the six-digit names.

    `crop` is the side in pixels of the middle square that is cut out; None: as large as there is.
    """
    width, wider = crop or WIDTH, "celeba" if crop else "celeba-hq"
    if protocol.resolution > width:
        raise UserError(
            f"{protocol.data_name} is {width} pixels wide and is not enlarged to {protocol.resolution}."
            f" Use a resolution of at most {width}, or use {wider}=PATH."
        )
    files = by_id(pictures_in(_pictures_folder(root)), lambda file: file.stem)
    sides, source = partition(root)
    parts = by_side(files, {name: name for name in files}, sides)
    split = as_given(parts[TRAIN], parts[TEST], len(parts[VALIDATION]), protocol)
    about = {
        "split": f"official partition, {source}; validation set aside",
        "licences": [LICENCE],
        "notes": [f"{len(files)} of 202599 pictures on disk, {len(parts[None])} of them not in the partition"],
    }
    return of_files(root, files, split, protocol, about, crop)


def partition(root: Path) -> tuple[dict[str, int] | None, str]:
    """CelebA file stem -> 0, 1 or 2 from the partition file near `root`, or None; and where it is from."""
    for base in PARTITION_BASES:
        for name in PARTITIONS:
            if (root / base / name).is_file():
                return _read_partition(root / base / name), name
    return None, "by number, 1-162770 / 162771-182637 / 182638-202599 (no list_eval_partition file)"


def side_of(stem: str, sides: dict[str, int] | None) -> int | None:
    """On which side an original CelebA picture is: 0 train, 1 validation, 2 test; None where it is not known."""
    if sides is not None:
        return sides.get(stem)
    if not stem.isdecimal() or not 1 <= int(stem) <= 202_599:
        return None
    return TRAIN if int(stem) <= LAST_TRAIN else VALIDATION if int(stem) <= LAST_VALIDATION else TEST


def by_side(ids: Iterable[str], stems: dict[str, str], sides: dict[str, int] | None) -> dict[int | None, list[str]]:
    """Ids by `side_of` their original's stem."""
    parts: dict[int | None, list[str]] = {TRAIN: [], VALIDATION: [], TEST: [], None: []}
    for name in ids:
        parts[side_of(stems[name], sides)].append(name)
    return parts


def _read_partition(path: Path) -> dict[str, int]:
    sides = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.replace(",", " ").split()
        if not words or (number == 1 and words == ["image_id", "partition"]):
            continue
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise UserError(
                f"{path}, line {number}: '{line[:40]}' is not a file name and 0, 1 or 2. Download the file again."
            )
        sides[Path(words[0]).stem] = int(words[1])
    return sides


def _pictures_folder(root: Path) -> Path:
    for base in BASES:
        folder = root / base / "img_align_celeba"
        if folder.is_dir():
            return folder / folder.name if (folder / folder.name).is_dir() else folder
    if any(path.stem.isdecimal() and len(path.stem) == 6 for path in root.glob("*.[jp][pn]g")):
        return root
    raise UserError(
        f"{root} is not laid out as CelebA: looked for img_align_celeba/, there or in celeba/;"
        f" found: {contents(root)}. Use folder=PATH for other trees."
    )
