"""The folder that `export` writes and `score` reads.

    DIR/manifest.json                    what was exported; written last
    DIR/README.txt                       the same for a person
    DIR/truth/NAME.png                   the whole pictures
    DIR/MASK_SET/images/NAME.png         the damaged pictures, black in the hole
    DIR/MASK_SET/masks/NAME.png          the holes, white = missing (with images/: as IOPaint reads them)
    DIR/MASK_SET/lama/NAME.png           } the same files as pairs (as LaMa reads them)
    DIR/MASK_SET/lama/NAME_mask.png      }

NAME is the image's id with what no file name may hold written as %XX.
"""

from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.data.names import DATASETS
from bench.data.protocol import DEFAULTS, Protocol
from bench.masks.names import mask_set_name
from bench.runs.parts import DataManifest, MaskSetManifest
from bench.util.errors import UserError
from bench.util.files import read_json, sha256

FORMAT = 1
MANIFEST = "manifest.json"
CUSTOM = "custom"
"""The scale of an export whose resolution or number of images the user chose."""
LONGEST_NAME = 180
"""Room for endings and for the names of temporary files within the 255 bytes that file systems allow."""


class Picture(BaseModel):
    """One image and the SHA-256 of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    group: str
    name: str
    """Of its files, without `.png`."""
    truth: str
    holes: dict[str, str]
    """By mask set."""


class Manifest(BaseModel):
    """All that scoring has to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    scale: str
    protocol: Protocol
    fingerprint: str
    """Of the data manifest."""
    data: DataManifest
    mask_sets: dict[str, MaskSetManifest]
    pictures: list[Picture]
    notes: list[str] = []
    """What was found amiss with the data set's files, such as how many could not be used."""


def file_name(image_id: str) -> str:
    """The name of an image's files, without ending; `urllib.parse.unquote` gives back the id.

    LaMa takes every file with `mask` in its name for a mask, so that word is broken up. Only of an id too long for a
    file name is the end replaced by a hash; the manifest has the whole id.
    """
    name = quote(image_id, safe=" +,=@()").replace("mask", "%6Dask")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 18].rstrip('%')}~{sha256(image_id.encode())[:16]}"


def truth_file(root: Path, name: str) -> Path:
    return root / "truth" / f"{name}.png"


def mask_set_folder(root: Path, mask_set: str) -> Path:
    return root / mask_set  # a mask set's name is fit for a file, and LaMa looks for "mask" in names of files only


def damaged_file(root: Path, mask_set: str, name: str) -> Path:
    return mask_set_folder(root, mask_set) / "images" / f"{name}.png"


def hole_file(root: Path, mask_set: str, name: str) -> Path:
    return mask_set_folder(root, mask_set) / "masks" / f"{name}.png"


def lama_files(root: Path, mask_set: str, name: str) -> tuple[Path, Path]:
    """Damaged picture and hole."""
    folder = mask_set_folder(root, mask_set) / "lama"
    return folder / f"{name}.png", folder / f"{name}_mask.png"


def read_manifest(root: Path) -> Manifest:
    """Raises UserError for a folder that `export` did not finish, or that another version wrote."""
    path = root / MANIFEST
    if not path.exists():
        raise UserError(
            f"{root} has no {MANIFEST}: it is not a finished export. Create one: python -m bench export --help"
        )
    content = read_json(path)
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        raise UserError(f"{path} has format {version}, this version reads {FORMAT}. Export into another folder.")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(f"{path} is damaged at {where}. Export again into another folder.") from error
    if wrong := _contradiction(manifest):
        raise UserError(f"{path} was altered: {wrong}. Export again into another folder.")
    return manifest


def _contradiction(manifest: Manifest) -> str:
    """What in a manifest is no name, or is not what follows from the rest of it; empty where all is."""
    protocol, data, pictures = manifest.protocol, manifest.data, manifest.pictures
    if protocol.data_name not in DATASETS:
        return f"there is no data set '{protocol.data_name}'"
    if manifest.scale not in (CUSTOM, *DEFAULTS):
        return f"there is no scale '{manifest.scale}'"
    if (data.name, data.resolution) != (protocol.data_name, protocol.resolution):
        return "its data are not those of its protocol"
    if data.fingerprint != manifest.fingerprint:
        return "its data manifest does not have its fingerprint"
    if data.counts.get("test") != len(pictures) or len({one.id for one in pictures}) < len(pictures):
        return "its pictures are not the test images of its data, each once"
    try:
        names = {mask_set_name(spec) for spec in protocol.mask_sets}
    except UserError as error:
        return str(error).rstrip(".")
    sizes = {(one.name, one.height, one.width, one.count) for one in manifest.mask_sets.values()}
    side = protocol.resolution
    if set(manifest.mask_sets) != names or sizes != {(name, side, side, len(pictures)) for name in names}:
        return "its mask sets are not those of its protocol"
    for one in pictures:
        if one.name != file_name(one.id) or set(one.holes) != names:
            return f"the picture '{one.id}' does not have its name, or not its holes"
    return ""
