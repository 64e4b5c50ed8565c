import pytest

from bench.speed import loading


def test_the_same_pictures_come_from_the_pack_and_from_the_files(monkeypatch):
    monkeypatch.setattr(loading, "PICTURES", 70)
    found = loading.rows(quick=True)
    peers = [(row.size, row.peer) for row in found]
    assert peers == [(f"64 x 64² {kind}", peer) for kind in ("uint8", "float32") for peer in ("Pillow", "torchvision")]
    for row in found:
        assert row.agreement < (0.001 if row.peer == "Pillow" else 8)
        assert row.ratio == pytest.approx(row.peer_ms / row.ours_ms)
        assert "images a second" in row.note
