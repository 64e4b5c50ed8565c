"""Many small pieces of work, side by side on the processor's cores.

Each piece runs on one thread. Splitting every small operation between threads instead is slower, most of all on a
machine that does other things too, where each operation waits for the last thread; and a sum's last bits would depend
on the number of threads.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

_CHUNK_PIXELS = 1 << 16
"""Pixels of a chunk, about: memory stays flat however many images there are."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_worker = threading.local()


def side_by_side(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """`work` of each piece, in order, on as many threads as torch may use. Within a piece, no further threads."""
    rest = list(pieces)
    if len(rest) < 2 or getattr(_worker, "busy", False):
        return [work(piece) for piece in rest]
    with _one_thread_each() as threads:
        if threads == 1:
            return [work(piece) for piece in rest]
        with ThreadPoolExecutor(min(threads, len(rest)), initializer=_enter) as pool:
            return list(pool.map(work, rest))


def in_chunks(work: Callable[..., Result], *batches: Tensor) -> list[Result]:
    """`work` of the same few images of every batch, (N,C,H,W) each, chunk by chunk."""
    height, width = batches[0].shape[-2:]
    count = max(1, _CHUNK_PIXELS // (height * width))
    return side_by_side(lambda part: work(*part), zip(*(torch.split(batch, count) for batch in batches), strict=True))


def _enter() -> None:
    _worker.busy = True


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Threads that begin inside take over the number that is set."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
