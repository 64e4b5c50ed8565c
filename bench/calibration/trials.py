"""Every row drawn again and again, on all cores; what comes out depends on the seed alone."""

import gc
import os
import signal
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import numpy as np

from bench.calibration.rows import ROWS, Row
from bench.util.errors import UserError, nearest
from bench.util.processes import cores, end_with_first, spawned
from bench.util.progress import OnProgress
from bench.util.seeds import seed_of

TRIALS = 100
"""Of each row, where nothing else is asked for: about three minutes on two cores."""
AT_ONCE = 10
"""Trials of a row that a process gets at a time."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Block(NamedTuple):
    """Some trials of a row."""

    row: str
    first: int
    last: int
    seed: int


Outcomes = Mapping[str, Counter[str]]
"""By row: how often what came out."""


def chosen(names: Sequence[str]) -> list[Row]:
    """The rows that are called so, or whose names begin so; all where no name is given. Raises UserError for others."""
    for name in names:
        if not any(_fits(row, name) for row in ROWS):
            known = sorted({row.section for row in ROWS.values()})
            mend = nearest(name, [*known, *ROWS]) or f" Known beginnings: {', '.join(known)}."
            raise UserError(f"--rows {name}: no row's name begins so.{mend}")
    return [row for row in ROWS.values() if not names or any(_fits(row.name, name) for name in names)]


def _fits(row: str, name: str) -> bool:
    return row == name or row.startswith(f"{name}-")


def run_trials(
    rows: Sequence[Row], trials: int, seed: int, hear: OnProgress = lambda *_: None, processes: int | None = None
) -> Outcomes:
    """What came out of `trials` draws of each row. `processes`: one for each core where it is None; 0: in this one."""
    found = {row.name: Counter[str]() for row in rows}
    blocks = _blocks(rows, trials, seed)
    total, done = sum(block.last - block.first for block in blocks), 0
    count = cores() if processes is None else processes
    for block, outcomes in _spread(blocks, min(count, len(blocks))) if count else map(_counted, blocks):
        found[block.row] += outcomes
        done += block.last - block.first
        hear("trials", done, total)
    return found


def _blocks(rows: Sequence[Row], trials: int, seed: int) -> list[Block]:
    """Some of every row in turn, so that the rate at which they are done says how long the rest takes."""
    ends = {row.name: row.trials(trials) for row in rows}
    starts = range(0, max(ends.values(), default=0), AT_ONCE)
    return [
        Block(name, first, min(first + AT_ONCE, end), seed)
        for first in starts
        for name, end in ends.items()
        if first < end
    ]


def _counted(block: Block) -> tuple[Block, Counter[str]]:
    trial = ROWS[block.row].trial
    draws = (np.random.default_rng(seed_of(block.seed, "calibrate", block.row, one)) for one in range(*block[1:3]))
    return block, Counter(trial(rng) for rng in draws)


def _spread(blocks: Sequence[Block], processes: int) -> Iterator[tuple[Block, Counter[str]]]:
    left = iter(blocks)
    with ExitStack() as stack:
        lines = [stack.enter_context(_helper(number)) for number in range(processes)]
        busy = {line for line in lines if _give(line, left)}
        while busy:
            for line in wait(busy):
                assert isinstance(line, Connection)
                try:
                    answer = line.recv()
                except EOFError:
                    raise RuntimeError("a process of the calibration was ended; perhaps memory ran out") from None
                if isinstance(answer, str):
                    raise RuntimeError(answer)
                yield answer
                if not _give(line, left):
                    busy.remove(line)


def _give(line: Connection, left: Iterator[Block]) -> bool:
    block = next(left, None)
    if block is not None:
        line.send(block)
    return block is not None


@contextmanager
def _helper(number: int) -> Iterator[Connection]:
    """A process that answers blocks; it is gone afterwards."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ |= dict.fromkeys(ONE_THREAD, "1")  # as many processes as cores: threads would only wait for each other
    try:
        process, line = spawned(_serve, f"calibrate {number}")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    try:
        yield line
    finally:
        line.close()
        _end(process)


def _end(process: BaseProcess) -> None:
    process.join(0.2)
    if process.is_alive():
        process.terminate()
        process.join()


def _serve(line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to handle
    end_with_first()
    gc.freeze()  # Holm's correction collects garbage each time, and must not look through all of torch for it
    with suppress(EOFError, OSError):
        while True:
            block = line.recv()
            try:
                answer: tuple[Block, Counter[str]] | str = _counted(block)
            except Exception:
                answer = f"{block.row}: {traceback.format_exc()}"
            line.send(answer)
