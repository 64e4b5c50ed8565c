"""`fetch`: download weights once, on a machine with a network."""

from pathlib import Path

import torch
from rich.console import Console

from bench.metrics import weights
from bench.util.errors import UserError, nearest
from bench.util.files import check_writable


def fetch_weights(console: Console, what: str, folder: Path | None) -> None:
    """Put both trunks of LPIPS into `folder`, else where torchvision puts them, each checked by its hash.

    Raises UserError for an unknown name, a wrong file that is already there, or a failed download.
    """
    if what != "lpips":
        raise UserError(f"fetch {what}: nothing has this name.{nearest(what, ['lpips'])}")
    place = folder or weights.hub()
    check_writable(place, sum(trunk.bytes for trunk in weights.TRUNKS.values() if not (place / trunk.file).exists()))
    for trunk in weights.TRUNKS.values():
        path = place / trunk.file
        if path.exists():
            weights.check(trunk, path)
        else:
            _download(console, trunk, path)
        console.print(f"{trunk.net}: {path}", soft_wrap=True, highlight=False, markup=False)


def _download(console: Console, trunk: weights.Trunk, path: Path) -> None:
    try:  # into a temporary file beside it, and renamed once its hash is right
        torch.hub.download_url_to_file(trunk.url, str(path), trunk.sha256_prefix, progress=console.is_terminal)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{trunk.url} could not be downloaded: {' '.join(str(error).split())}. Get it on a machine with a network"
            f" and put it into {path.parent} ({trunk.bytes:,} bytes)."
        ) from error
