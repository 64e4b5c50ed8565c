"""What is compared in `speed score` agrees in value; no time is asserted."""

from bench.speed import score


def once(calls, quick):
    for call in calls.values():
        call()
    return dict.fromkeys(calls, 2.0)


def test_rows(monkeypatch):
    for name, value in {"SIDE": 64, "COUNTS": (3, 1), "EVALUATED": 8, "race": once}.items():
        monkeypatch.setattr(score, name, value)
    found = score.rows(quick=False)
    assert [(one.subject, one.size, one.peer) for one in found] == [
        ("all definitions", "3 × 64²", "plain torch"),
        ("all definitions", "1 × 64²", "plain torch"),
        ("an evaluation", "8 × 64²", ""),
    ]
    assert all(one.agreement < 1e-6 for one in found[:2])
    assert [one.note.partition(" images")[0] for one in found] == ["1,500", "500", "4,000"]
