"""`celeba-hq=PATH`: CelebA-HQ (Karras et al. 2018) in the layouts it is passed around in.

Names: 0.jpg, 00000.png, imgHQ00000.png or .npy (the HQ index), or 182839.jpg (the number in CelebA). The faces are
framed otherwise than in aligned CelebA, so the two are two data sets.
"""

import re
from pathlib import Path

from bench.data import celeba, folder
from bench.data.decode import SUFFIXES
from bench.data.listing import Listing, by_id, contents, of_files, pictures_in
from bench.data.protocol import Protocol
from bench.data.split import Split, as_given, by_hash
from bench.util.errors import UserError

NAME = re.compile(r"(?:imgHQ)?(\d{1,6})")
COUNT = 30_000
MAPPINGS = ("CelebA-HQ-to-CelebA-mapping.txt", "image_list.txt")
BASES = (".", "CelebAMask-HQ", "..")


def listing(protocol: Protocol, root: Path) -> Listing:
    """The official CelebA partition where it can be told (24,183 / 2,993 / 2,824).

    Otherwise the folder's own train/ and test/ (or val/), else hash order.
    """
    home = next((root / base / "CelebA-HQ-img" for base in BASES[:2] if (root / base / "CelebA-HQ-img").is_dir()), root)
    files = by_id(_numbered(home), lambda file: f"{_number(file):06d}")
    if not files:
        raise UserError(
            f"{root} is not laid out as CelebA-HQ: looked for 0.jpg, 00000.png, imgHQ00000.png or 182839.jpg,"
            f" there or in CelebA-HQ-img/; found: {contents(root)}. Use folder=PATH for other trees."
        )
    split, rule = _split(files, protocol, root, home)
    about = {
        "split": rule,
        "licences": [f"CelebA-HQ is made from CelebA. {celeba.LICENCE}"],
        "notes": [f"{len(files)} of {COUNT} pictures on disk"],
    }
    return of_files(root, files, split, protocol, about)


def _split(files: dict[str, Path], protocol: Protocol, root: Path, home: Path) -> tuple[Split, str]:
    mapping = next((root / base / name for base in BASES for name in MAPPINGS if (root / base / name).is_file()), None)
    originals = _originals(files, mapping)
    if originals is not None:
        sides, source = celeba.partition(root)
        parts = celeba.by_side(files, originals, sides)
        aside = len(parts[celeba.VALIDATION]) + len(parts[None])
        split = as_given(parts[celeba.TRAIN], parts[celeba.TEST], aside, protocol)
        how = f"through {mapping.name}" if mapping else "names are CelebA's own numbers"
        return split, f"official CelebA partition, {how}, {source}; validation set aside"
    own = folder.own_sides(home)
    if own is not None:
        train, test = ([name for name, file in files.items() if file.is_relative_to(home / side)] for side in own)
        split = as_given(train, test, len(files) - len(train) - len(test), protocol)
        return split, f"the folder's own {own[0]}/ and {own[1]}/ (no mapping to CelebA's official partition)"
    ratio = ":".join(map(str, protocol.split))
    return by_hash(files, protocol), f"hash order, {ratio} train:test:validation (no mapping to the official partition)"


def _originals(files: dict[str, Path], mapping: Path | None) -> dict[str, str] | None:
    """Id -> stem of the CelebA picture it was made from, where names or a mapping file tell it."""
    if max(map(int, files)) > COUNT:
        return {name: name for name in files}
    if mapping is None:
        return None
    known = _read_mapping(mapping)
    for name, file in files.items():
        if name not in known:
            raise UserError(f"{file} is not in {mapping}. Numbers run from 0 to 29999: fix the names or the mapping.")
    return known


def _read_mapping(path: Path) -> dict[str, str]:
    """Columns `idx orig_idx orig_file`, separated by white space, below a heading."""
    known = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0] == "idx":
            continue
        if len(words) < 3 or not words[0].isdecimal():
            raise UserError(
                f"{path}, line {number}: '{line[:40]}' is not idx, orig_idx, orig_file. Download the file again."
            )
        known[f"{int(words[0]):06d}"] = Path(words[2]).stem
    return known


def _numbered(home: Path) -> list[Path]:
    return [file for file in pictures_in(home, SUFFIXES | {".npy"}) if NAME.fullmatch(file.stem)]


def _number(file: Path) -> int:
    match = NAME.fullmatch(file.stem)
    return int(match[1]) if match else -1
