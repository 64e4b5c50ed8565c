"""How much memory is held at once, torch's own included, which tracemalloc does not see."""

import gc
import tracemalloc
from contextlib import contextmanager

import torch


def most_held(work):
    """The most bytes that Python and numpy held during `work(report)`, and tensors when it reported a task's end."""
    peaks, tensors = [], [_tensor_bytes()]

    def report(what, done, total):
        if done == total:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tensors.append(_tensor_bytes())
            tracemalloc.reset_peak()  # the list of all objects is no part of the work

    tracemalloc.start()
    try:
        work(report)
        peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    return max(peaks) + max(tensors) - tensors[0]


class Reports:
    """Stands for a Progress that hands out `report`."""

    def __init__(self, report):
        self.report = report

    def say(self, text):
        pass

    @contextmanager
    def task(self, title):
        yield self.report


def _tensor_bytes():
    return sum(one.untyped_storage().nbytes() for one in gc.get_objects() if type(one) is torch.Tensor)
