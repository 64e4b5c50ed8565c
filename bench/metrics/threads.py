"""Many small pieces of compiled work, side by side on the processor's cores."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """`work` of each piece, in order, on as many threads as torch may use; the caller's is one of them.

    torch's own threads are left alone: something else may be filling pictures with them. An error of a piece is raised.
    """
    rest = list(pieces)
    _keep_memory()
    crew = min(torch.get_num_threads(), len(rest))
    if crew < 2:
        return [work(piece) for piece in rest]
    found: dict[int, Result] = {}
    places = iter(range(len(rest)))

    def run() -> None:
        try:
            for place in places:
                found[place] = work(rest[place])
        except BaseException:
            list(places)  # nobody begins another piece
            raise

    with ThreadPoolExecutor(crew - 1) as pool:
        others = [pool.submit(run) for _ in range(crew - 1)]
        run()
        for other in others:
            other.result()
    return [found[place] for place in range(len(rest))]


@cache
def _keep_memory() -> None:
    # The C library gives blocks above a threshold back at once, and gets them again page by page. It raises the
    # threshold to the largest block that was freed, up to 32 MiB; this one is not touched.
    torch.empty(24 * 2**20, dtype=torch.uint8)
