"""Many small pieces of work, side by side on the processor's cores.

Each piece runs on one thread. Splitting every small operation between threads instead is slower, most of all on a
machine that does other things too, where each operation waits for the last thread; and a sum's last bits would depend
on the number of threads.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

_CHUNK_PIXELS = 1 << 16
"""Pixels of a chunk, about: memory stays flat however many images there are."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_here = threading.local()
"""Of each thread: `crew`, how many threads side_by_side may still use; absent outside of it."""


def side_by_side(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """`work` of each piece, in order, on as many threads as torch may use.

    Where there are several pieces, there are no further threads within one.
    """
    rest = list(pieces)
    _keep_memory()
    with _one_thread_each() as crew:
        if crew == 1 or len(rest) < 2:
            return [work(piece) for piece in rest]
        with ThreadPoolExecutor(min(crew, len(rest)), initializer=_enter) as pool:
            return list(pool.map(work, rest))


def in_chunks(work: Callable[..., Result], *batches: Tensor) -> list[Result]:
    """`work` of the same few images of every batch, (N,C,H,W) each, chunk by chunk."""
    height, width = batches[0].shape[-2:]
    count = max(1, _CHUNK_PIXELS // (height * width))
    return side_by_side(lambda part: work(*part), zip(*(torch.split(batch, count) for batch in batches), strict=True))


@cache
def _keep_memory() -> None:
    # The C library gives blocks above a threshold back at once, and gets them again page by page: a third of the time
    # of all scores. It raises the threshold to the largest block that was freed, up to 32 MiB; this one is not touched.
    torch.empty(24 * 2**20, dtype=torch.uint8)


def _enter() -> None:
    _here.crew = 1


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Takes torch's threads away, and gives their number. Threads that begin inside have one each."""
    crew: int | None = getattr(_here, "crew", None)
    if crew is not None:
        yield crew
        return
    _here.crew = threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
        del _here.crew
