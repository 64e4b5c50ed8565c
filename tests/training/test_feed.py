import torch
from toy import noise, toy

from bench.masks.random import RandomRectangle
from bench.training.feed import TrainingFeed


def feed_of(drawn=0, seed=0, name="first"):
    stage = next(stage for stage in toy().stages() if stage.name == name)
    stage.holes = RandomRectangle()
    return TrainingFeed(stage, noise(count=10, side=32), seed, torch.device("cpu"), drawn)


def images(feed, batches):
    return torch.cat([feed.batch().image for _ in range(batches)])


def test_each_image_comes_once_an_epoch_in_an_order_of_its_own():
    feed = feed_of()
    drawn = images(feed, 10)
    every = noise(count=10, side=32).tensor(list(range(10)))
    epochs = [[next(i for i in range(10) if torch.equal(x, every[i])) for x in drawn[k : k + 10]] for k in (0, 10, 20)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 3
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_feed_that_starts_in_the_middle_draws_the_same():
    whole = [feed_of().batch() for _ in range(1)]
    feed = feed_of()
    whole = [feed.batch() for _ in range(5)]
    later = feed_of(drawn=9)
    for batch in whole[3:]:
        again = later.batch()
        assert torch.equal(batch.image, again.image)
        assert torch.equal(batch.hole, again.hole)


def test_fixed_images_are_the_same_in_every_step():
    feed = feed_of()
    whole, plain = feed.fixed(7), feed_of()
    first = torch.cat([plain.batch().image for _ in range(7)])[:7]
    assert torch.equal(whole.image, first)
    assert torch.equal(feed.batch().image, first[: feed.drawn])  # as if not asked before
    later = feed_of(drawn=9)
    later.start(5)
    again = later.fixed(7)
    assert torch.equal(again.image, whole.image)
    assert torch.equal(again.hole, whole.hole)
    assert not torch.equal(feed_of(seed=1).fixed(7).hole, whole.hole)


def test_seed_and_stage_change_what_is_drawn():
    one, other, second = (f.batch().hole for f in (feed_of(), feed_of(seed=1), feed_of(name="second")))
    assert not torch.equal(one, other)
    assert not torch.equal(one, second)


def test_a_steps_random_numbers_depend_on_its_index_alone():
    feed = feed_of()
    feed.start(7)
    first = torch.rand(3, generator=feed.rng), torch.rand(3)
    feed.batch()
    torch.rand(100)
    feed.start(7)
    again = torch.rand(3, generator=feed.rng), torch.rand(3)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    feed.start(8)
    assert not torch.equal(first[0], torch.rand(3, generator=feed.rng))


def test_a_later_steps_generator_is_known_before():
    feed = feed_of()
    feed.start(3)
    ahead = torch.rand(5, generator=feed.generator(7))
    feed.start(7)
    assert torch.equal(torch.rand(5, generator=feed.rng), ahead)


def test_a_stage_may_learn_from_some_images_only():
    feed = feed_of()
    feed._stage.images = 4
    drawn = images(feed, 4)
    first = noise(count=10, side=32).tensor(list(range(4)))
    assert [sum(torch.equal(one, each) for each in drawn) for one in first] == [len(drawn) // 4] * 4
    feed._stage.images = 400
    assert len(images(feed, 10).unique(dim=0)) == 10


def test_a_stage_may_edit_what_it_gets_and_others_draw_the_same():
    feed, other = feed_of(), feed_of()
    kept = [feed.batch() for _ in range(4)]  # more than an epoch
    expected = [(batch.image.clone(), batch.hole.clone()) for batch in kept]
    for batch in kept:
        batch.image.zero_()
        batch.hole.fill_(True)
    for image, hole in expected:
        batch = other.batch()
        assert torch.equal(batch.image, image)
        assert torch.equal(batch.hole, hole)
        batch.image.zero_()
        batch.hole.fill_(True)
