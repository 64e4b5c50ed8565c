import hashlib
from collections import Counter

from bench.masks.center import Center
from bench.masks.irregular import Strokes
from bench.masks.mixed import MIXED, THREE_KINDS, ByLot
from bench.masks.random import RandomRectangle
from bench.masks.random_free import FreeRectangle
from bench.masks.shapes import Shapes
from bench.util.seeds import Chance


def test_a_lot_is_one_of_its_families():
    families = (Center(), RandomRectangle(), Strokes())
    drawn = Counter()
    for place in range(90):
        hole = ByLot(families).draw(Chance(place), 32, 32)
        chance = Chance(place)
        which = chance.below(3)
        assert (hole == families[which].draw(chance, 32, 32)).all()
        drawn[which] += 1
    assert min(drawn.values()) > 18


def test_three_kinds_are_a_square_a_rectangle_or_shapes():
    rectangle = FreeRectangle(3, 10, 3, 5)
    for place in range(30):
        chance = Chance(place)
        family = (Center(), rectangle, Shapes())[chance.below(3)]
        assert (THREE_KINDS.draw(Chance(place), 40, 40) == family.draw(chance, 40, 40)).all()


def test_mixed_holes_stay_the_same_bits():
    # What was trained with them hangs on it.
    bits = b"".join(MIXED.draw(Chance(place), 64, 64).tobytes() for place in range(50))
    assert hashlib.sha256(bits).hexdigest()[:16] == "3feaa336f581a616"
