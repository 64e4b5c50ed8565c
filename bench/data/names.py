"""The data sets by name. Nothing here imports more than the standard library."""

from pathlib import Path

from bench.util.errors import UserError, nearest

DATASETS: dict[str, str] = {
    "faces": "up to 30,000 drawn portraits; nothing to download",
    "photos": "crops of eight photographs inside scikit-image; train and test apart by photograph",
    "folder": "folder=PATH: any tree of pictures, split by its train/ and test/ or by hash",
    "imagenet": "imagenet=PATH: a frozen subset of ImageNet's train/ or val/ pictures",
    "celeba": "celeba=PATH: aligned CelebA, official partition, centre 178x178",
    "celeba-108": "celeba-108=PATH: the same, centre 108x108, as DCGAN's codes crop it",
    "celeba-hq": "celeba-hq=PATH: CelebA-HQ, official partition where the mapping file is there",
}
"""Name -> one line."""

OFFICIAL_TEST = ("celeba", "celeba-108")
"""The data sets whose test images always are those of their own official partition; of the others they are drawn."""
BUILT_IN = ("faces", "photos")
"""The data sets that need no path."""


def place(data: str) -> tuple[str, Path | None]:
    """Name and folder of `NAME` or `NAME=PATH`. Raises UserError unless the name is known and the folder there."""
    name, equals, text = data.partition("=")
    if name not in DATASETS:
        raise UserError(f"There is no data set '{name}'.{nearest(name, list(DATASETS))}")
    if name in BUILT_IN:
        if equals:
            raise UserError(f"Data set '{name}' takes no path, but '{data}' gives one. Write --data {name}.")
        return name, None
    if not text:
        raise UserError(f"Data set '{name}' is read from a folder of yours. Give its path: --data {name}=PATH.")
    path = Path(text).expanduser()
    if not path.exists():
        raise UserError(f"{path} does not exist (from --data {data}). Give the folder of the pictures.")
    if not path.is_dir():
        raise UserError(f"{path} is not a folder (from --data {data}). Unpack it and give its folder.")
    return name, path
