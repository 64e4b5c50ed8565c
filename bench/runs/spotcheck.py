"""Spot check: some of a record's pictures are filled again by another process, which has no truth to look at.

It gets erased pictures, holes and seeds, in another order and with other batch mates, and builds the method by itself
from the run's folder. What it gives must be what was scored: a method whose fills depend on the number of calls, the
clock, earlier pictures, its caller's variables or the packed data gives something else.

This catches mistakes and shortcuts, not a program that is out to hide: files opened by C code are not seen.
"""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data import Packed
from bench.masks.sets import mask_set
from bench.methods.base import Inpainter, Method, erase, fill
from bench.methods.catalog import ROOT
from bench.runs.evaluation import image_seeds, images_at_once, to_uint8
from bench.runs.parts import SpotCheck
from bench.runs.records import Run
from bench.training.device import open_fabric
from bench.util.errors import UserError
from bench.util.processes import end_with_first, spawned
from bench.util.seeds import Chance

PICTURES = 16
"""So many are filled again, over all mask sets: one batch of most methods. A method that cheats on a share s of its
pictures passes with chance (1 - s)^16: under 5 % at s = 17 %."""
CARD_LEVELS = 4.0
"""Root mean square difference over a hole, in levels of 255, that is none on a graphics card; on the processor: 0."""


class Chosen(NamedTuple):
    """The pictures to fill again, in the order in which they are filled."""

    mask_sets: list[str]
    """Specs, one for each picture."""
    indices: list[int]
    """Places among the test images. No image is there twice: under two mask sets its holes would show each other."""


class FillJob(NamedTuple):
    """What the other process gets."""

    build: Callable[[], Method]
    device: str
    threads: int
    places: Mapping[Path, bool]
    """Whether files under a folder may be opened; the nearest folder decides, and others may."""
    image: NDArray[np.float32]
    """(N,3,H,W) in [0,1], zero in the hole."""
    hole: NDArray[np.bool_]
    """(N,1,H,W), True = missing."""
    seed: NDArray[np.int64]
    """(N,)."""


class Answer(NamedTuple):
    raw: NDArray[np.uint8] | None = None
    """(N,3,H,W), what the method gave."""
    refused: str = ""
    """The file that it wanted to open, if it was one that is refused."""
    error: str = ""
    """What the method raised."""
    trouble: str = ""
    """What kept the check itself from being made."""


def choose(key: str, specs: Sequence[str], images: int) -> Chosen:
    """At most PICTURES pictures, evenly over the mask sets, by the run's key."""
    chance, order = Chance("spot check", key), list(range(images))
    for last in range(images - 1, 0, -1):
        other = chance.below(last + 1)
        order[last], order[other] = order[other], order[last]
    indices = order[:PICTURES]
    return Chosen([specs[place % len(specs)] for place in range(len(indices))], indices)


def places(folder: Path, data: Packed, source: str, readable: Sequence[Path]) -> dict[Path, bool]:
    """What a method may read to build itself and what it may not: the packed data, their source, any run's pictures."""
    found = {folder.parents[1]: False, folder.parents[1] / folder.parent.name / folder.name / "run.json": True}
    found |= {folder / "checkpoints": True, Path(f"/proc/{os.getpid()}"): False}
    if isinstance(data.pixels, np.memmap):
        found[Path(str(data.pixels.filename)).parents[1]] = False
    if source:
        found[Path(source).expanduser()] = False
    own = [ROOT / name for name in ("bench", "baselines", "papers")]
    found |= dict.fromkeys([*readable, *own, Path(sys.prefix), Path(sys.base_prefix)], True)
    return {path.resolve(): open_ for path, open_ in found.items()}


def spot_check(
    run: Run, folder: Path, test: Packed, build: Callable[[], Method], device: torch.device, readable: Sequence[Path]
) -> SpotCheck:
    """What a record keeps of it.

    `build` makes the method in the other process, and is pickled on the way there; `readable` are the files that it
    needs beside those in the run's `folder`. Raises UserError where the check cannot be made.
    """
    chosen = choose(run.key, run.protocol.mask_sets, len(test))
    names, image = [test.ids[index] for index in chosen.indices], test.tensor(chosen.indices)
    pairs = list(zip(chosen.mask_sets, names, strict=True))
    hole = torch.cat([mask_set(spec).holes([name], *image.shape[-2:]) for spec, name in pairs])
    if device.type == "cuda":
        torch.cuda.empty_cache()  # the other process needs room, too
    damaged, seeds = erase(image, hole).numpy(), image_seeds(run.seed, names).numpy()
    rules = places(folder, test, run.protocol.data.partition("=")[2], readable)
    answer = _other.ask(FillJob(build, device.type, torch.get_num_threads(), rules, damaged, hole.numpy(), seeds))
    if answer.trouble:
        raise UserError(f"The spot check could not be made: {answer.trouble}. Rerun the command.")
    count = len(names)
    if answer.raw is None or answer.refused:
        told = f"it tries to read {answer.refused}" if answer.refused else f"it fails with {answer.error}"
        return SpotCheck(images=count, different=count, why=f"in a process without the truth {told}")
    scored = np.stack(
        [
            np.load(folder / "predictions" / f"{mask_set(spec).name}.npy", mmap_mode="r", allow_pickle=False)[index]
            for spec, index in zip(chosen.mask_sets, chosen.indices, strict=True)
        ]
    )
    apart = _apart(answer.raw, scored, hole.numpy())
    most = 0.0 if device.type == "cpu" else CARD_LEVELS
    wrong = [pair for pair, levels in zip(pairs, apart, strict=True) if levels > most]
    if not wrong:
        return SpotCheck(images=count, different=0)
    spec, name = wrong[0]
    why = (
        f"filled again in a process without the truth, {len(wrong)} of {count} pictures come out differently"
        f" ({name} of {mask_set(spec).name} first)"
    )
    return SpotCheck(images=count, different=len(wrong), why=why)


def _apart(raw: NDArray[np.uint8], scored: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Root mean square difference of each picture over its hole, in levels of 255: (N,)."""
    square = np.where(hole, raw.astype(np.float64) - scored, 0.0) ** 2
    found: NDArray[np.float64] = np.sqrt(square.sum(axis=(1, 2, 3)) / (3 * hole.sum(axis=(1, 2, 3))))
    return found


class _Other:
    """The other process: started when it is first needed, and ended with this one."""

    def __init__(self) -> None:
        self._process: Any = None
        self._line: Connection | None = None
        self._at_exit: Finalize | None = None

    def ask(self, job: FillJob) -> Answer:
        try:
            line = self.start()
            line.send(job)
            answer: Answer = line.recv()
        except (EOFError, OSError) as error:
            self.end()
            return Answer(trouble=f"the process that makes it has ended ({type(error).__name__})")
        except BaseException:  # no later question must get this answer
            self.end()
            raise
        return answer

    def start(self) -> Connection:
        if self._line is not None and self._process.is_alive():
            return self._line
        self._process, self._line = spawned(_serve, "spot check")
        # Not by atexit, which a process that was itself spawned leaves out: it would wait for this one for ever.
        self._at_exit = Finalize(None, self.end, exitpriority=0)
        return self._line

    def end(self) -> None:
        if self._at_exit is not None:
            self._at_exit.cancel()
        if self._line is not None:
            self._line.close()
            self._process.terminate()
            self._process.join()
        self._line = self._process = None


_other = _Other()


def get_ready() -> None:
    """Start the other process, which loads its libraries while this one works."""
    _other.start()


def _serve(line: Connection) -> None:
    """Answer one job after the other, each in a fork of this process, so that no method meets what another left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to handle
    while True:
        try:
            job: FillJob = line.recv()
        except (EOFError, OSError):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's threads are made ready for a fork
            fork = os.fork()
        if not fork:
            _answer_and_end(job, line)
        _, status = os.waitpid(fork, 0)
        if status:
            number = os.waitstatus_to_exitcode(status)
            ended = f"by signal {-number}; perhaps memory ran out" if number < 0 else f"with code {number}"
            line.send(Answer(trouble=f"the process that makes it was ended {ended}"))


def _answer_and_end(job: FillJob, line: Connection) -> None:
    end_with_first()
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a method prints has been printed once
        warnings.simplefilter("ignore")
        line.send(_fill_again(job))
        code = 0
    finally:
        os._exit(code)


def _fill_again(job: FillJob) -> Answer:
    try:
        torch.set_num_threads(job.threads)
        device = open_fabric(job.device).device
        torch.zeros(1, device=device)
    except Exception as error:
        return Answer(trouble=f"its process cannot use the device ({_line(error)})")
    refused = _refuse(job.places)
    try:
        method = job.build()
        for network in method.networks().values():
            network.to(device)
        raw = _fill(method.inpainter(), job, device)
    except (MemoryError, torch.OutOfMemoryError) as error:
        return Answer(trouble=f"memory ran out ({_line(error)})")
    except BaseException as error:
        return Answer(error=_line(error), refused=next(iter(refused), ""))
    return Answer(raw, refused=next(iter(refused), ""))


def _fill(inpainter: Inpainter, job: FillJob, device: torch.device) -> NDArray[np.uint8]:
    image, hole, seed = (torch.from_numpy(values) for values in (job.image, job.hole, job.seed))
    size, results = images_at_once(inpainter), []
    for start in range(0, len(image), size):
        part = slice(start, start + size)
        results.append(fill(inpainter, image[part].to(device), hole[part].to(device), seed[part]).cpu())
    raw: NDArray[np.uint8] = to_uint8(torch.cat(results)).numpy()
    return raw


def _refuse(places: Mapping[Path, bool]) -> list[str]:
    """From now on this process opens no file under a refused folder. Returns the list of those that it tried to."""
    tried: list[str] = []

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = Path(os.path.realpath(os.fsdecode(arguments[0])))
        decisive = next((place for place in (path, *path.parents) if place in places), None)
        if decisive is not None and not places[decisive]:
            tried.append("/".join(path.parts[-2:]))
            raise PermissionError(f"{path} is not for a method to read")

    sys.addaudithook(hear)
    return tried


def _line(error: BaseException) -> str:
    text = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
