import threading

import pytest
import torch

from bench.metrics.threads import side_by_side


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_are_in_order_and_torch_keeps_its_threads(threads):
    assert side_by_side(lambda piece: (piece, torch.get_num_threads()), range(50)) == [
        (piece, threads) for piece in range(50)
    ]
    assert side_by_side(str, []) == []


def test_pieces_run_at_the_same_time(threads):
    meeting = threading.Barrier(threads, timeout=60)  # nobody gets past it alone
    names = side_by_side(lambda _: meeting.wait() is not None and threading.current_thread().name, range(3 * threads))
    assert len(set(names)) == threads
    assert threading.current_thread().name in names


def test_an_error_comes_out_and_ends_the_work(threads):
    done = []

    def work(piece):
        if piece == 4:
            raise ValueError(piece)
        done.append(piece)

    with pytest.raises(ValueError, match="4"):
        side_by_side(work, range(10_000))
    assert len(done) < 10_000 - 1
