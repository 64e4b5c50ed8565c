"""`imagenet=PATH`: a frozen subset of the pictures as ImageNet's archives unpack them. No labels are read."""

import re
from pathlib import Path

from bench.data.listing import Listing, by_id, contents, of_files, pictures_in
from bench.data.protocol import Protocol
from bench.data.split import by_hash
from bench.util.errors import UserError

BASES = (".", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC")
SYNSET = re.compile(r"n\d{8}")


def listing(protocol: Protocol, root: Path) -> Listing:
    """`protocol.images` of the pictures in hash order, cut by `protocol.split`.

    They are drawn from train/, or from val/ where there is no train/, so that a user with both and a user with train/
    alone get the same subset. Ids are file names, which ImageNet does not repeat: synset folders may be there or not.
    """
    pool = _pool(root)
    files = by_id(pictures_in(pool), lambda file: file.stem)
    if not files:
        raise UserError(f"{pool} has no pictures in it; found: {contents(pool)}. Unpack ImageNet's archives there.")
    part = pool.name if pool != root else "the folder itself"
    about = {
        "split": f"{part}: the first {protocol.images} in hash order, {':'.join(map(str, protocol.split))}"
        " train:test:validation",
        "licences": ["ImageNet: non-commercial research and teaching, by its terms of access"],
        "notes": [f"drawn from {len(files)} pictures; ImageNet's own train/validation border is not used"],
    }
    return of_files(root, files, by_hash(files, protocol), protocol, about)


def _pool(root: Path) -> Path:
    for base in BASES:
        for part in ("train", "val"):
            if (root / base / part).is_dir():
                return root / base / part
    names = [path.name for path in root.iterdir()]
    if any(SYNSET.fullmatch(name) or name.startswith("ILSVRC2012_") for name in names):
        return root
    raise UserError(
        f"{root} is not laid out as ImageNet: looked for train/, val/, or synset folders such as n01440764/;"
        f" found: {contents(root)}. Use folder=PATH for other trees."
    )
