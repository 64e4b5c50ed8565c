"""Pictures drawn by other processes: drawing holds the interpreter's lock, so that threads of one would take turns.

`python -m bench.data.painter` draws what its standard input asks for, until that ends, as it does with the process that
started this one.
"""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np

from bench.data.decode import Picture
from bench.data.listing import Item

MOST = 8
FEWEST_PIXELS = 2**21
"""With fewer to draw, a process takes longer to start than it saves."""


@contextmanager
def painters(count: int, side: int) -> Iterator[Callable[[Item], Picture]]:
    """What draws an item of `side` x `side`, in whichever of `count` processes is free; at most as many at a time."""
    started = [_Painter(side) for _ in range(count)]
    free: SimpleQueue[_Painter] = SimpleQueue()
    for one in started:
        free.put(one)

    def draw(item: Item) -> Picture:
        one = free.get()
        try:
            return one.draw(item)
        finally:
            free.put(one)

    try:
        yield draw
    finally:
        for one in started:
            one.end()


class _Painter:
    def __init__(self, side: int) -> None:
        self._shape = (side, side, 3)
        words = [sys.executable, "-m", "bench.data.painter"]
        # In a session of its own, so that Ctrl-C reaches the first process alone.
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def draw(self, item: Item) -> Picture:
        asked, answer = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answer is not None
        try:
            pickle.dump(item.draw, asked)
            asked.flush()
            raw = answer.read(int(np.prod(self._shape)))
        except OSError:
            raw = b""
        if len(raw) == np.prod(self._shape):
            return np.frombuffer(raw, np.uint8).reshape(self._shape)
        return item.draw()  # that process has ended before its time, for want of memory perhaps

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    while True:
        try:
            draw: Callable[[], Picture] = pickle.load(sys.stdin.buffer)  # from the process that started this one
        except EOFError:
            return
        sys.stdout.buffer.write(draw().tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
