import threading

import pytest
import torch

from bench.speed.plain.threads import in_chunks, side_by_side


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_are_in_order_and_threads_are_given_back(two_threads):
    seen = side_by_side(lambda piece: (piece, torch.get_num_threads()), range(50))
    assert seen == [(piece, 1) for piece in range(50)]
    assert torch.get_num_threads() == 2
    fresh = []
    thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert fresh == [2]


def test_pieces_within_a_piece(two_threads):
    def names(pieces):
        return side_by_side(lambda _: threading.current_thread().name, pieces)

    assert side_by_side(lambda piece: len(set(names(range(4)))), range(4)) == [1] * 4
    main = threading.current_thread().name
    assert main not in side_by_side(lambda _: names(range(4)), [0])[0]  # a single piece may still be split


def test_an_error_comes_out_and_threads_are_given_back(two_threads):
    def fail(piece):
        raise ValueError(piece)

    for pieces in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match="1"):
            side_by_side(fail, pieces)
        assert torch.get_num_threads() == 2


def test_chunks_hold_few_pixels():
    truth = torch.zeros(5, 3, 256, 200)
    sizes = in_chunks(lambda x, y: (len(x), len(y)), truth, truth[:, :1])
    assert sizes == [(1, 1)] * 5
    assert in_chunks(len, torch.zeros(70, 3, 32, 32)) == [64, 6]
