import torch

from bench.speed import latent


def test_both_find_the_same_pictures(monkeypatch):
    monkeypatch.setattr(latent, "race", lambda calls, quick: dict(zip(calls, (2.0, 10.0), strict=True)))
    for name, value in {"IMAGES": 3, "ITERATIONS": 6, "WARM_UP": 30}.items():
        monkeypatch.setattr(latent, name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    many, one = latent.rows(quick=True)
    assert (many.size, one.size) == ("3 × 64², 6 iterations", "1 × 64², 6 iterations")
    assert many.ratio == one.ratio == 5
    assert many.note == "9,000 image-iterations a second"
    assert 0 < many.agreement < 1e-4
    assert one.agreement < 1e-4


def test_the_port_searches():
    image, hole = torch.rand(2, 3, 64, 64), torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    hole[..., 16:48, 16:48] = True
    start, end = (
        latent.one_by_one(latent._method({"iterations": n}, "cpu"), image, hole, torch.arange(2)) for n in (0, 5)
    )
    assert float(start.std()) > 0.05  # the normalisation has seen pictures: they are not flat
    assert not torch.equal(start, end)
