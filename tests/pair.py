"""What two processes do together: `python pair.py RANK PORT FOLDER [methods]`.

Trainings of tests/demanding.py; or, with `methods`, some steps of every method that is found.
"""

import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from demanding import Demanding, DemandingSettings
from toy import noise

from bench.contract.methods import Subject
from bench.methods.base import Batch, DataFacts
from bench.methods.catalog import find
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.processes import Place
from bench.training.share import Share
from bench.util.errors import Stopped, UserError

STEPS = 5


def method():
    torch.manual_seed(0)
    return Demanding(DemandingSettings(steps=STEPS), DataFacts(16, 10))


def train(folder, fabric, minutes=None):
    training = Training(folder, method(), noise(), 0, fabric)
    training.run(Options(minutes=minutes), lambda *_: None, lambda *_: None)


def steps_in_double(rank=0, processes=1):
    """Scalars and states of the first two steps of every stage of every method, in float64: by name."""
    found = {}
    for key, entry in find().entries.items():
        subject = Subject(entry)
        made = subject.build(facts=DataFacts(subject.resolution, images=16))
        for network in made.networks().values():
            network.double()
        for stage in made.stages():
            raw = dict(stage.networks)
            if processes > 1:
                stage.networks.update({name: Share(network) for name, network in raw.items()})
            train, device = subject.training_pictures(), torch.device("cpu")
            feed = DoubleFeed(stage, train, 0, device, rank=rank, processes=processes)
            for step in range(min(2, stage.steps)):
                feed.start(step)
                found |= {(key, stage.name, step, name): value for name, value in stage.step(feed).items()}
            stage.networks.update(raw)
        for name, network in made.networks().items():
            found |= {(key, name, part): value.clone() for part, value in network.state_dict().items()}
    return found


class DoubleFeed(TrainingFeed):
    def batch(self):
        image, hole = super().batch()
        return Batch(image.double(), hole)

    def fixed(self, count):
        image, hole = super().fixed(count)
        return Batch(image.double(), hole)


@contextmanager
def doubles():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def train_and_stop(home, rank, fabric):
    straight, pieces = (home / name if rank == 0 else home / f"other-{name}" for name in ("straight", "pieces"))
    train(straight, fabric)
    for _ in range(STEPS):
        # Only the first one keeps the time.
        with suppress(Stopped):
            train(pieces, fabric, minutes=0 if rank == 0 else None)
    train(pieces, fabric)


def drawn():
    """What dropout leaves of ones, and what is said of a result that has no rows."""
    torch.manual_seed(7)
    dropout = Share(torch.nn.Dropout(0.5))
    left = [dropout(torch.ones(4, 200)) for _ in range(2)]
    with suppress(UserError):
        Share(Mean())(torch.ones(4, 2))
        raise AssertionError("a mean over a part was taken for one over the whole")
    return left


class Mean(torch.nn.Module):
    def forward(self, value):
        return value.mean()


def main():
    rank, port, home, methods = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
    torch.set_num_threads(1)
    fabric = open_fabric("cpu", Place(rank, 0, 2, 1, "127.0.0.1", port))
    if methods:
        with doubles():
            found = steps_in_double(rank, 2)
    else:
        train_and_stop(home, rank, fabric)
        found = drawn()
    if rank == 0:
        torch.save(found, home / "found.pt")


if __name__ == "__main__":
    main()
