import hashlib
from dataclasses import replace

import numpy as np
import pytest

from bench.data import portrait_paint
from bench.data.faces import COUNT, VERSION, face, listing
from bench.data.portrait_shapes import Frame, join
from bench.data.portrait_traits import traits
from bench.data.protocol import Protocol
from bench.util.seeds import Chance

GOLDEN = "4602c148436fe7b5700d2395586d2f9d5656603f8c0db2924959da735c8a775a"


def protocol(images):
    return Protocol(data="faces", resolution=16, images=images, split=(50, 9, 1), test_images=10**9, mask_sets=())


def person(index):
    return traits(Chance("faces", VERSION, index))


def test_faces_are_frozen():
    pixels = b"".join(face(index, 32).tobytes() for index in range(8))
    assert hashlib.sha256(pixels).hexdigest() == GOLDEN, "a stroke changed: raise faces.VERSION and this hash"


def test_a_face_does_not_depend_on_how_it_is_painted(monkeypatch):
    whole = face(3, 64)
    monkeypatch.setattr(portrait_paint, "BAND", 64 * 5)
    assert np.array_equal(face(3, 64), whole)


@pytest.mark.slow
@pytest.mark.parametrize("side", [24, 128])
def test_no_stroke_reaches_out_of_its_window(monkeypatch, side):
    """Also where a later stroke covers it: then no pixel would tell."""
    near, paint, windows, outside = Frame.near, Frame.paint, {}, []

    def whole(frame, *box):
        part = near(frame, *box)
        inside = np.zeros(frame.x.shape, dtype=bool)
        inside[part.first[0] :, part.first[1] :][: part.x.shape[0], : part.x.shape[1]] = True
        found = replace(frame)
        windows[id(found)] = found, inside & windows.get(id(frame), (frame, True))[1]
        return found

    def watched(frame, shape, colour, strength=1.0, soft=0.0):
        inside = windows[id(frame)][1] if id(frame) in windows else True
        outside.append(int(((shape < (frame.pixel + soft) / 2) & ~np.asarray(inside)).sum()))
        paint(frame, shape, colour, strength, soft)

    people = list(extremes(150))
    windowed = [portrait_paint.draw(one, side) for one in people]
    monkeypatch.setattr(Frame, "near", whole)
    monkeypatch.setattr(Frame, "part", lambda frame, shape, whole: shape)
    monkeypatch.setattr(Frame, "paint", watched)
    for one, pixels in zip(people, windowed, strict=True):
        windows.clear()
        assert np.array_equal(portrait_paint.draw(one, side), pixels)
        assert sum(outside) == 0
    assert len(outside) > 20 * len(people)


def extremes(count):
    """People each of whose measures is the largest or the smallest of a hundred people's."""
    people = [person(one) for one in range(100)]

    def far(part, chance):
        ends = {}
        for name in vars(getattr(people[0], part)):
            values = [getattr(getattr(one, part), name) for one in people]
            measured = isinstance(values[0], float)
            ends[name] = (min, max)[chance.below(2)](values) if measured else values[chance.below(100)]
        return replace(getattr(people[0], part), **ends)

    for index in range(count):
        chance = Chance("extreme", index)
        pose, features, style = (far(part, chance) for part in ("pose", "features", "style"))
        # A window around what is upright is the tightest.
        yield replace(people[0], pose=replace(pose, tilt=0.0), features=features, style=style)


def test_faces_differ():
    assert len({face(index, 16).tobytes() for index in range(50)}) == 50


@pytest.mark.parametrize("side", [8, 33, 256])
def test_any_resolution(side):
    picture = face(1, side)
    assert picture.shape == (side, side, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20


def test_edges_are_smooth_and_sizes_agree():
    # A small drawing is close to a large one averaged over blocks: 1.6 grey levels apart; with hard edges, 6.3.
    apart = []
    for index in range(8):
        large = face(index, 128).reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
        apart.append(np.abs(large - face(index, 32)).mean())
    assert np.mean(apart) < 2.5


def test_distances_are_right_at_the_edge():
    frame = Frame.of(64)
    radius = np.hypot(frame.x, frame.y)
    assert np.allclose(frame.ellipse(0, 0, 0.5, 0.5), radius - 0.5)
    assert np.allclose(frame.line(-0.2, 0, -0.2, 1e-9, 0.1), np.hypot(frame.x + 0.2, frame.y) - 0.1, atol=1e-6)
    box = frame.box(0, 0, 0.5, 0.25)
    assert np.array_equal(box < 0, (np.abs(frame.x) < 0.5) & (np.abs(frame.y) < 0.25))
    union = join(box, frame.ellipse(0.5, 0, 0.3, 0.3), 1e-9)
    assert np.allclose(union, np.minimum(box, frame.ellipse(0.5, 0, 0.3, 0.3)))


def test_glasses_reach_outside_the_central_hole():
    someone = person(5)
    bare, glassed = (
        replace(someone, style=replace(someone.style, glasses=kind, hair="crop")) for kind in ("none", "round")
    )
    changed = (portrait_paint.draw(bare, 64) != portrait_paint.draw(glassed, 64)).any(axis=2)
    assert changed[16:48, 16:48].any()
    changed[16:48, 16:48] = False
    assert changed[:, :16].any()
    assert changed[:, 48:].any()


def test_what_is_outside_the_hole_predicts_the_inside():
    # Least squares from the known ring to the hole, against the mean face: the traits hang together.
    images = np.stack([face(index, 16) for index in range(400)]) / 255
    hole = np.zeros((16, 16), dtype=bool)
    hole[4:12, 4:12] = True
    ring, inside = images[:, ~hole].reshape(400, -1), images[:, hole].reshape(400, -1)
    ring, mean = ring - ring[:300].mean(axis=0), inside[:300].mean(axis=0)
    weights = np.linalg.solve(ring[:300] @ ring[:300].T + 5 * np.eye(300), inside[:300] - mean)
    guess = mean + ring[300:] @ ring[:300].T @ weights
    learned, blind = (((value - inside[300:]) ** 2).mean() for value in (guess, mean))
    assert learned < blind / 2.5


def test_listing_takes_the_first_portraits():
    small = listing(protocol(60)).sides()
    assert {item.id for item in small.train + small.test} <= {f"face-{index:06d}" for index in range(60)}
    item = small.test[0]
    assert np.array_equal(item.draw(), face(int(item.id[-6:]), 16))
    assert item.group == item.id
    asked = listing(protocol(10**9)).asked
    assert asked["images"] == COUNT
