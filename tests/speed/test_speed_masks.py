from bench.speed import masks
from bench.util.seeds import Chance


def test_every_library_paints_nearly_the_same():
    drawings = [masks._drawing(Chance(index)) for index in range(4)]
    for module, paint in (("cv2", masks._opencv), ("skimage.draw", masks._skimage)):
        library = masks.peer(module)
        assert 0 < masks._apart(lambda one, p=paint, m=library: p(m, one), drawings) < 0.05
    assert masks._apart(masks._pillow, drawings) == 0


def test_rows(monkeypatch):
    monkeypatch.setattr(masks, "race", lambda calls, quick: {name: (call(), 2.0)[1] for name, call in calls.items()})
    found = masks.rows(quick=True)
    assert [one.subject for one in found[: len(masks.PLAIN)]] == [f"mask set {name}" for name in masks.PLAIN]
    assert found[0].note == f"{masks.MASKS * 500:,} masks a second"
    assert {one.peer for one in found if one.subject == "strokes"} == {"OpenCV polylines", "scikit-image draw"}


def test_an_absent_library_is_said_to_be_absent(monkeypatch):
    monkeypatch.setattr(masks, "race", lambda calls, quick: dict.fromkeys(calls, 2.0))
    monkeypatch.setattr(masks, "peer", lambda name: None)
    for one in masks._strokes(quick=True):
        assert one.peer_ms is one.ratio is one.agreement is None
        assert "is absent" in one.note
