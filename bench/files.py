"""Files that are whole or not there: temporary file, fsync, rename."""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench.errors import UserError


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing; the file appears under its name only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    with whole(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Sorted keys and a final newline, so that equal values are equal bytes. NaN is refused."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises UserError for a file that is not there or not JSON."""
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}). Delete it to have it made again.") from error


def sha256(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def sha256_of_files(paths: Iterable[Path], root: Path) -> str:
    """One hash over names (relative to `root`) and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as file:  # predictions may be larger than the memory
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left behind in `folder`."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process works in `folder` (made if absent) at a time; the lock goes with the process, however it ends."""
    check_writable(folder)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{folder} is being worked on by another process. Wait for it to end.") from error
        yield


def check_writable(folder: Path, need_bytes: int = 0) -> None:
    """Raise UserError unless files can be made in `folder` (made if absent) and `need_bytes` are free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        raise UserError(f"{folder} cannot be written to: {error.strerror}. Name another folder with --out.") from error
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < need_bytes:
        raise UserError(
            f"{folder} has {free / 2**20:.0f} MiB free, {need_bytes / 2**20:.0f} MiB are needed."
            " Make room or name another folder with --out."
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
