"""What is compared in `speed` agrees in value; no time is asserted."""

import pytest
import torch

from bench.speed import lpips, metrics, table
from bench.speed.peers import peer
from bench.speed.timing import race, row


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(metrics, "SIDE", 32)
    monkeypatch.setattr(metrics, "COUNTS", (2, 1))
    monkeypatch.setattr(lpips, "SIDE", 32)
    monkeypatch.setattr(metrics, "race", once)
    monkeypatch.setattr(lpips, "race", once)


def once(calls, quick):
    for call in calls.values():
        call()
    return dict.fromkeys(calls, 1.5)


def test_peers_agree(small):
    found = metrics.rows(quick=False)
    compared = [one for one in found if one.peer]
    assert {one.size for one in found} == {"2 × 32²", "1 × 32²"}
    assert len(compared) == 2 * len(metrics.PEERS)
    for one in compared:
        present = peer({p.name: p.module for p in metrics.PEERS}[one.peer]) is not None
        assert (one.agreement is not None) == (one.peer_ms is not None) == present
        assert one.agreement is None or one.agreement < 1e-5, one


def test_pictures_are_the_same_and_composites():
    truth, result, hole = metrics.pictures(3, 16)
    assert all(torch.equal(x, y) for x, y in zip((truth, result, hole), metrics.pictures(3, 16), strict=True))
    assert torch.equal(truth[~hole.expand_as(truth)], result[~hole.expand_as(truth)])
    assert not torch.equal(truth, result)


def test_an_absent_peer_is_said_to_be_absent(small, monkeypatch, bench):
    monkeypatch.setattr(metrics, "peer", lambda name: None if name == "piq" else peer(name))
    code, out, _ = bench("speed", "metrics", "--quick")
    assert code == 0
    assert [line.split().count("absent") for line in out.splitlines() if "piq" in line] == [1]
    assert out.count("times SSIM alone") == 1


def test_lpips_agrees(small):
    first, further = lpips.rows(quick=True)
    assert first.agreement < 1e-5
    assert first.peer == further.peer == "lpips"
    assert [one.subject for one in (first, further)] == ["LPIPS alex, first method", "LPIPS alex, each further method"]


def test_a_race_is_a_median_of_interleaved_rounds(monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr("bench.speed.timing.time.perf_counter", lambda: next(clock))
    order = []
    times = race({"a": lambda: order.append("a"), "b": lambda: order.append("b")})
    assert times == {"a": 1000, "b": 1000}
    assert order == ["a", "b"] * 4  # the first round is not counted, three are the fewest
    assert row("x", "1", 2.0, "p", 5.0).ratio == 2.5
    assert row("x", "1", 2.0, "p", None).ratio is None


def test_subjects_have_files():
    for name in table.SUBJECTS:
        assert callable(table._rows(name))
