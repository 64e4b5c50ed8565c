"""Trainings of tests/demanding.py by two processes: `python pair.py RANK PORT FOLDER`."""

import sys
from contextlib import suppress
from pathlib import Path

import torch
from demanding import Demanding, DemandingSettings
from toy import noise

from bench.errors import Stopped
from bench.inpainter import DataFacts
from bench.training.device import open_fabric
from bench.training.loop import Options, Training

STEPS = 5


def method():
    torch.manual_seed(0)
    return Demanding(DemandingSettings(steps=STEPS), DataFacts(16, 10))


def train(folder, fabric, minutes=None):
    training = Training(folder, method(), noise(), 0, fabric)
    training.run(Options(minutes=minutes), lambda *_: None, lambda *_: None)


def main():
    from bench.training.processes import Place

    rank, port, home = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    fabric = open_fabric("cpu", Place(rank, 0, 2, 1, "127.0.0.1", port))
    straight, pieces = (home / name if rank == 0 else home / f"other-{name}" for name in ("straight", "pieces"))
    train(straight, fabric)
    for _ in range(STEPS):
        # Only the first one keeps the time.
        with suppress(Stopped):
            train(pieces, fabric, minutes=0 if rank == 0 else None)
    train(pieces, fabric)


if __name__ == "__main__":
    main()
