"""What `doctor --cluster` has a compute node do: it reads, writes, locks, and says what it has."""

import fcntl
import os
import platform
import socket
import sys
from pathlib import Path
from typing import Any

from bench.cluster import snapshot
from bench.cluster.task import put_json

REPLY = "reply.json"
TOKEN = "token.txt"
LOCK = "lock"


class Probe:
    """What submitit pickles: paths only."""

    def __init__(self, folder: Path, code: Path, cache: Path, weights: Path | None) -> None:
        self.folder, self.code, self.cache, self.weights = folder, code, cache, weights

    def words(self) -> list[str]:
        """As arguments of `python -m bench.cluster.probe`."""
        weights = [] if self.weights is None else [self.weights]
        return [str(path) for path in (self.folder, self.code, self.cache, *weights)]

    def __call__(self) -> None:
        found: dict[str, Any] = {"node": platform.node()}
        for name in ("token", "locked", "python", "code_is_ours", "cache", "gpu", "lpips", "network"):
            try:
                found[name] = getattr(self, f"_{name}")()
            except Exception as error:  # each question for itself: what fails is the answer
                found[name] = f"failed: {type(error).__name__}: {error}"
        put_json(self.folder / REPLY, found)

    def checkpoint(self) -> None:
        """Never requeued."""

    def _token(self) -> str:
        return (self.folder / TOKEN).read_text()

    def _locked(self) -> bool:
        """Whether the asking machine's lock on a file is seen here."""
        with (self.folder / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _python(self) -> str:
        import torch

        return f"Python {platform.python_version()}, torch {torch.__version__}"

    def _code_is_ours(self) -> bool:
        snapshot.check(self.code)
        return True

    def _cache(self) -> bool:
        self.cache.mkdir(parents=True, exist_ok=True)
        return os.access(self.cache, os.W_OK)

    def _gpu(self) -> str:
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"

    def _lpips(self) -> str:
        """A whole forward pass: with the network off, nothing can be fetched on the way."""
        import torch

        from bench.metrics import Lpips

        lpips = Lpips.open(self.weights)
        if lpips is None:
            return Lpips.reason(self.weights)
        picture = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
        return f"works: {', '.join(lpips.columns(picture, picture))}"

    def _network(self) -> bool:
        """Whether a name of the internet resolves; only for the record: nothing needs it."""
        socket.setdefaulttimeout(3)
        try:
            socket.getaddrinfo("download.pytorch.org", 443)
        except OSError:
            return False
        return True


def main() -> None:
    folder, code, cache, *weights = (Path(word) for word in sys.argv[1:])
    Probe(folder, code, cache, weights[0] if weights else None)()


if __name__ == "__main__":
    main()
