import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.protocol import Protocol
from bench.data.split import as_given, by_hash, evenly, in_hash_order
from bench.util.errors import UserError


def protocol(images=10**9, split=(50, 9, 1), test_images=10**9, data="folder=x", **more):
    return Protocol(data=data, resolution=32, images=images, split=split, test_images=test_images, mask_sets=(), **more)


def test_fewer_training_images_are_the_first_and_move_no_test_image():
    few, all_ = protocol(train_images=7), protocol()
    for cut in (lambda one: by_hash(names(1000), one), lambda one: as_given(names(900), ["a", "b"], 30, one)):
        assert cut(few).train == cut(all_).train[:7]
        assert cut(few).test == cut(all_).test
        assert cut(few).aside == cut(all_).aside + len(cut(all_).train) - 7
    assert few.placeless() == all_.placeless() | {"train_images": 7}


def names(count):
    return [f"face-{index:06d}" for index in range(count)]


def test_fangs_30000_are_25000_4500_500():
    split = by_hash(names(30_000), protocol())
    assert (len(split.train), len(split.test), split.aside) == (25_000, 4_500, 500)


def test_order_is_frozen():
    assert in_hash_order("faces", names(6)) == [f"face-00000{digit}" for digit in FROZEN]


FROZEN = "521403"


def test_order_depends_on_the_data_set():
    assert in_hash_order("faces", names(20)) != in_hash_order("celeba", names(20))


@given(
    st.sets(st.text(max_size=8), min_size=2, max_size=60),
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60)),
    st.integers(2, 80),
    st.integers(1, 80),
    st.randoms(use_true_random=False),
)
def test_sides_are_apart_whatever_the_numbers(ids, ratio, images, tests, random):
    split = by_hash(ids, protocol(images, ratio, tests))
    assert not set(split.train) & set(split.test)
    assert len(split.train) >= 1
    assert 1 <= len(split.test) <= tests
    assert len(split.train) + len(split.test) <= images
    assert len(split.train) + len(split.test) + split.aside == len(ids)
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert by_hash(shuffled, protocol(images, ratio, tests)) == split


def test_fewer_test_images_are_the_beginning_of_more():
    few, many = by_hash(names(200), protocol(test_images=5)), by_hash(names(200), protocol(test_images=20))
    assert many.test[:5] == few.test
    assert many.train == few.train


def test_given_sides_keep_their_shares():
    train, test = names(1628), [f"t{name}" for name in names(200)]
    split = as_given(train, test, 199, protocol(images=304))
    assert (len(split.train), len(split.test), split.aside) == (244, 29, 2027 - 244 - 29)
    whole = as_given(train, test, 199, protocol())
    assert (len(whole.train), len(whole.test), whole.aside) == (1628, 200, 199)
    assert whole.test[: len(split.test)] == split.test


def test_a_small_side_keeps_one():
    split = as_given(names(1000), ["only"], 0, protocol(images=10))
    assert split.test == ["only"]


@pytest.mark.parametrize("ratio", [(0, 1, 0), (1, 0, 0), (50, 9, -1)])
def test_empty_sides_are_refused(ratio):
    with pytest.raises(UserError, match="at least 1"):
        by_hash(names(10), protocol(split=ratio))


def test_too_few_images():
    with pytest.raises(UserError, match="has 1 usable"):
        by_hash(names(1), protocol())
    with pytest.raises(UserError, match="no image in its test part"):
        as_given(names(3), [], 0, protocol())


def test_evenly_takes_turns():
    groups = {"b": ["b1", "b2", "b3"], "a": ["a1"], "c": ["c1", "c2"]}
    assert evenly(groups, 4) == ["a1", "b1", "c1", "b2"]
    assert evenly(groups, 99) == ["a1", "b1", "c1", "b2", "c2", "b3"]
