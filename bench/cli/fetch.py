"""`fetch`: download weights once, on a machine with a network."""

from pathlib import Path

import torch
from rich.console import Console

from bench.metrics import weights
from bench.util.errors import UserError, nearest
from bench.util.files import check_writable


def fetch_weights(console: Console, what: str, folder: Path | None) -> None:
    """Put files of weights into `folder`, else where torchvision puts them, each checked by its hash.

    Raises UserError for an unknown name, a wrong file that is already there, or a failed download.
    """
    known = {"lpips": {trunk.net: trunk for trunk in weights.TRUNKS.values()}} | {
        name: {name: published} for name, published in weights.NETWORKS.items()
    }
    if what not in known:
        raise UserError(f"fetch {what}: nothing has this name.{nearest(what, list(known))}")
    place = folder or weights.hub()
    missing = sum(one.bytes for one in known[what].values() if not (place / one.file).exists())
    check_writable(place, missing, "--to")
    for name, published in known[what].items():
        path = place / published.file
        if path.exists():
            weights.check(published, path)
        else:
            _download(console, published, path)
        console.print(f"{name}: {path}", soft_wrap=True, highlight=False, markup=False)


def _download(console: Console, published: weights.Published, path: Path) -> None:
    try:  # into a temporary file beside it, and renamed once its hash is right
        torch.hub.download_url_to_file(published.url, str(path), published.sha256_prefix, progress=console.is_terminal)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{published.url} could not be downloaded: {' '.join(str(error).split())}. Get it on a machine with a"
            f" network and put it into {path.parent} ({published.bytes:,} bytes)."
        ) from error
