"""Files that are whole or not there: temporary file, fsync, rename."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench.util.errors import Stopped, UserError
from bench.util.text import unseen

WAIT_SECONDS = 0.5
"""How often a process that waits for another looks again."""


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing; the file appears under its name only when the block ends without an error.

    Who may read it is for the umask to say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise UserError(f"{path} is a folder, where a file is to be written. Remove it.")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
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


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file, or of one that links lead to. Raises OSError, for any other kind without an errno.

    Opening a pipe waits for a writer, and a device may never end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("not a regular file")
    return path.read_bytes()


def read_bytes(path: Path) -> bytes:
    """As `read_regular`. Raises UserError for a file that cannot be read."""
    try:
        return read_regular(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


SEAL = "sha256"


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the hash of all the rest under `sha256`."""
    rest = {key: part for key, part in value.items() if key != SEAL}
    return rest | {SEAL: sha256(json.dumps(rest, sort_keys=True).encode())}


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_json` wrote of a sealed value, without the seal; what earlier versions wrote may have none.

    Raises UserError for whatever was altered since, and as `read_json`.
    """
    found = read_json(path)
    if not isinstance(found, dict) or (SEAL in found and found != sealed(found)):
        raise UserError(f"{path} was altered. Delete it and rerun the command, which writes it anew.")
    return {key: part for key, part in found.items() if key != SEAL}


def read_json(path: Path) -> Any:
    """Raises UserError for a file that is not there, not JSON, or has text that is none (bench/util/text.py)."""
    try:
        content = json.loads(read_bytes(path).decode())
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}). Delete it and it will be recreated.") from error
    except RecursionError as error:
        raise UserError(f"{path} is nested too deeply to be one of ours. Delete it.") from error
    if (found := unseen(content)) is not None:
        place = ".".join(map(str, found[0])) or "its text"
        raise UserError(f"{path}: {place} holds the control character {found[1]}. Delete the file, or remove it there.")
    return content


def sha256(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Of a file of any size. Raises UserError for one that cannot be read, and for a pipe or a device."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("not a regular file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}. Fix it or choose another file.") from error


def sha256_of_files(paths: Iterable[Path], root: Path) -> str:
    """One hash over names (relative to `root`) and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path} cannot be read: not a regular file.")
        with path.open("rb") as file:  # predictions may be larger than the memory
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def write_named(path: Path, content: bytes, *beside: bytes) -> None:
    """Write `content` under the name of `path` with a hash in it, over `content` and what must lie beside it."""
    named = _named(path, content, *beside)
    with whole(named) as file:
        file.write(content)
    for old in _all_named(path):
        if old != named:
            old.unlink(missing_ok=True)


def read_named(path: Path, *beside: bytes) -> bytes | None:
    """What `write_named` wrote, or None where it is gone, or it or what lies beside it was altered."""
    for found in _all_named(path):
        with contextlib.suppress(OSError):
            if _named(path, content := read_regular(found), *beside) == found:
                return content
    return None


def _all_named(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{glob.escape(path.stem)}-{'[0-9a-f]' * 16}{path.suffix}"))


def _named(path: Path, *parts: bytes) -> Path:
    return path.with_name(f"{path.stem}-{sha256(*parts)[:16]}{path.suffix}")


def remove(path: Path) -> None:
    """Whatever it is, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sweep(folder: Path, names: str = "*") -> None:
    """Remove what writers of files of these names that were killed left behind in `folder`."""
    for leftover in folder.glob(f".{names}.tmp"):
        leftover.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, say: Callable[[str], None], lock: Path | None = None, option: str = "--out") -> Iterator[None]:
    """One process works in `folder` (made if absent) at a time; the lock goes with the process, however it ends.

    Another one waits for that, and `say`s once where the work is. `lock` is a file that several folders share: only
    in one of them is there work at a time, and the file names it. `option` is by what another folder would be chosen.
    """
    check_writable(folder, option=option)
    path = lock or folder / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not _flock(file, path, option):
            file.seek(0)
            _wait(file, path, file.read() or str(folder), say, option)
        if lock is not None:
            file.truncate(0)
            file.write(str(folder))
            file.flush()
        yield


def _wait(file: IO[str], lock: Path, worker: str, say: Callable[[str], None], option: str) -> None:
    say(f"Waiting: another process is working in {worker}")
    try:
        while not _flock(file, lock, option):
            time.sleep(WAIT_SECONDS)
    except KeyboardInterrupt:
        raise Stopped(f"stopped waiting for the other process in {worker}", interrupted=True) from None


def _flock(file: IO[str], lock: Path, option: str) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UserError(
            f"{lock} cannot be locked: {error.strerror}. Choose a folder elsewhere with {option}."
        ) from error
    return True


def check_writable(folder: Path, need_bytes: int = 0, option: str = "--out") -> None:
    """Raise UserError unless files can be made in `folder` (made if absent) and `need_bytes` are free.

    `option` is by what another folder would be chosen.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written to: {error.strerror}. Choose another folder with {option}."
        ) from error
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < need_bytes:
        raise UserError(
            f"{folder} has {free / 2**20:.0f} MiB free, but needs {need_bytes / 2**20:.0f} MiB."
            f" Free some space or choose another folder with {option}."
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
