"""Further processes of this program: started afresh, told what to do over a pipe, gone when this one is."""

import multiprocessing as mp
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import ModuleType

PATIENCE = 0.5
"""Seconds between two looks whether the first process is still there."""


def spawned(serve: Callable[[Connection], None], name: str) -> tuple[BaseProcess, Connection]:
    """A process that calls `serve` with one end of a pipe, and the other end. It should return when the pipe ends."""
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    # No daemon, so that it may start processes.
    process = context.Process(target=serve, args=(theirs,), name=name, daemon=False)
    with _without_main():
        process.start()
    theirs.close()
    return process, ours


def cores() -> int:
    """How many of the machine's this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _without_main() -> Iterator[None]:
    """A process that is spawned now does not run the caller's script again, which would ask for the same work again.

    Nobody needs that script: what is sent comes from this package, and methods from files of the catalog.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def end_with_first() -> None:
    """From now on, end this process as soon as its parent has gone, or the process that that one serves."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(served: int) -> None:
    first = mp.parent_process()
    while os.getppid() == served and (first is None or first.is_alive()):
        time.sleep(PATIENCE)
    os._exit(1)
