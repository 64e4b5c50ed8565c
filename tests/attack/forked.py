"""The real command line in a fork of a process that has loaded everything, so that a command costs no import.

What is faked is how a process starts: the other process of the spot check and those of the local queue are forks, too.
"""

import contextlib
import ctypes
import importlib
import multiprocessing as mp
import os
import pkgutil
import resource
import select
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

import torch

import bench
from bench.cli import main as command_line
from bench.cluster import local, snapshot
from bench.runs import spotcheck

ROOM_BYTES = 4 * 2**30
"""So much more memory than this process has may a command take: a file must not make it fill the machine."""
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
WRITING = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
PR_SET_PDEATHSIG = 1
MOMENT, VICTIM = "ATTACK_MOMENT", "ATTACK_VICTIM"
"""In a command's environment: after how many changes to files it dies and how many seconds later, and which module."""
PROGRAMS = ("git", sys.executable)
"""What a command may start."""
STARTING = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system")


class Ended(NamedTuple):
    """A command that has ended."""

    code: int | None
    """Exit code, or minus the signal that ended it; None where it was still there at its limit."""
    out: str
    err: str
    outside: tuple[str, ...]
    """What it wrote outside the places that it may write to, and what it started."""


def ready() -> None:
    """Load everything that a command may need, and start no thread."""
    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(bench.__path__, "bench."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:  # an extra that is not installed
                if (error.name or "bench").startswith("bench"):
                    raise
    importlib.import_module("torch.utils.tensorboard.writer")
    importlib.import_module("matplotlib.pyplot")


class Command:
    """A verb under way in a process group of its own. `room` gets its output, and is home and temporary folder."""

    def __init__(self, room: Path, words, writable=(), module="bench", **environment: str) -> None:
        self.room = room
        for name in ("home", "tmp", "said"):
            (room / name).mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            _become(room, environment)
            if writable:
                _watch(room / "said" / "outside", [room / "tmp", *writable])
            _call(module, [str(word) for word in words])

    def wait(self, seconds: float) -> bool:
        """Whether it ended in time; it is not reaped."""
        handle = os.pidfd_open(self.pid)
        try:
            return bool(select.select([handle], [], [], max(0.0, seconds))[0])
        finally:
            os.close(handle)

    def end(self, limit: float) -> Ended:
        """Wait for it as long as `limit` allows, and end all that it started."""
        in_time = self.wait(limit)
        self.kill()
        code = os.waitstatus_to_exitcode(self.status) if in_time else None
        said = self.room / "said"
        out, err = ((said / name).read_bytes().decode(errors="replace") for name in ("out", "err"))
        outside = said / "outside"
        return Ended(code, out, err, tuple(outside.read_text().splitlines() if outside.exists() else ()))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # before it had a group
            os.kill(self.pid, signal.SIGKILL)
        self.status = os.waitpid(self.pid, 0)[1]


def run(room: Path, words, limit: float, writable=(), **environment: str) -> Ended:
    return Command(room, words, writable, **environment).end(limit)


def _become(room: Path, environment: dict[str, str]) -> None:
    """Its own place in the world; relative paths start in its room."""
    os.chdir(room)
    used = os.sysconf("SC_PAGE_SIZE") * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, used + ROOM_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    said = room / "said"
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, said / "out", 0), (2, said / "err", 0)):
        handle = os.open(path, flags or os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ |= {"HOME": str(room / "home"), "TMPDIR": str(room / "tmp"), "COLUMNS": "200", "NO_COLOR": "1"}
    os.environ |= {"OMP_NUM_THREADS": "1", "GIT_DIR": os.devnull} | environment  # no record knows of edits meanwhile
    import tempfile

    tempfile.tempdir = None
    spotcheck.spawned = _forked
    local.subprocess = _Forks
    snapshot.check = lambda code: None  # a fork runs what this process has loaded, from which the snapshot was taken


def _forked(serve, name: str):
    """`bench.util.processes.spawned`, without the imports.

    A fork holds both ends of the line to it, so it would outlive a process that is killed: it is tied to it instead.
    """
    ours, theirs = mp.Pipe()
    process = mp.get_context("fork").Process(target=_tied, args=(serve, theirs), name=name, daemon=False)
    process.start()
    theirs.close()
    return process, ours


def _tied(target, *args) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    target(*args)


class _Fork:
    """A process of the local queue: `python -m MODULE WORDS` without the import."""

    def __init__(self, words, stdout=None, env=None, cwd=None, start_new_session=False, **_) -> None:
        self.args, self.returncode = words, None
        self.pid = os.fork()
        if not self.pid:
            if start_new_session:
                os.setsid()
            for number in (1, 2):
                os.dup2(stdout.fileno(), number)
            sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
            os.environ |= env or {}
            torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
            _call(words[2], list(words[3:]))

    def poll(self):
        if self.returncode is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if done else None
        return self.returncode

    def terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)


class _Forks:
    """subprocess, as far as the local queue uses it."""

    Popen, DEVNULL = _Fork, subprocess.DEVNULL


def _call(module: str, words: list[str]) -> None:
    """Call a module's main as `python -m` does, and leave without what this process would do at its end."""
    if os.environ.get(VICTIM) == module:
        _die(Path(os.environ["HOME"]).parent / "said")
    code = 1
    try:
        sys.argv = [module, *words]
        (command_line.main if module == "bench" else importlib.import_module(module).main)()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            spotcheck._other.end()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _watch(told: Path, places: list[Path]) -> None:
    """From now on what is written outside `places`, and every program that is started, becomes a line in `told`."""
    allowed = tuple(f"{os.path.realpath(place)}/" for place in places)
    handle = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    def hear(event: str, facts) -> None:
        if event == "open" and isinstance(facts[2], int) and facts[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            paths = facts[:1]
        elif event in WRITING and facts[-1] in (-1, None):  # or the path starts at an open folder, which was looked at
            paths = facts[:2]
        elif event in STARTING and facts[0] not in PROGRAMS:
            os.write(handle, f"starts {facts[0]!r} {facts[1]!r}\n".encode())
            return
        else:
            return
        for path in paths:
            if isinstance(path, str | os.PathLike):
                real = os.path.realpath(path)
                if not f"{real}/".startswith((*allowed, "/dev/")):
                    os.write(handle, f"{event} {real}\n".encode())

    sys.addaudithook(hear)


def _die(said: Path) -> None:
    """Count the changes to files in `said`/moments; at the wanted one nothing can keep this process from ending."""
    moment, seconds = (os.environ.pop(MOMENT, "") or "inf 0").split()
    if (said / "killed").exists():  # one worker of a queue is killed, and the next goes on
        moment = "inf"
    counted, wanted = 0, float(moment)
    handle = os.open(said / "moments", os.O_WRONLY | os.O_CREAT)

    def hear(event: str, facts) -> None:
        nonlocal counted
        if event in CHANGES or (event == "open" and isinstance(facts[2], int) and facts[2] & (os.O_WRONLY | os.O_RDWR)):
            counted += 1
            os.pwrite(handle, f"{counted}\n".encode(), 0)
            if counted > wanted >= counted - 1:
                os.close(os.open(said / "killed", os.O_WRONLY | os.O_CREAT))
                signal.setitimer(signal.ITIMER_REAL, float(seconds) or 1e-6)

    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # by which the kernel ends the process, as by SIGKILL
    sys.addaudithook(hear)
