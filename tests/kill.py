"""Kill commands at random moments, run them again, and compare every file with an undisturbed run's.

    python tests/kill.py --kills 40          the same seed is the same kills
    python tests/kill.py --only train -v     one phase, every kill told

A moment is a number of files that were opened for writing, renamed or removed, and some milliseconds more. The command
is killed up to three times before it may end. Then all files must have the bits of an undisturbed run, but those that
hold times, and no file may be there that is not there then.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from attack import forked
from attack.targets import SIDE, SMOKE, TOYS, prepare_toys
from settled import write_paper

LIMIT = 300.0
MOST_MILLISECONDS = 8.0
IN_A_ROW = 3
TIMES = ("events.jsonl", ".lock", "checked.json", "meter.json")
"""Files that hold times, or nothing."""


@dataclass(frozen=True)
class Phase:
    name: str
    words: tuple
    """The command that is killed and run again."""
    before: tuple = ()
    """Commands that make what it starts from."""
    weight: int = 1
    victim: str = "bench"
    """The module whose process is killed."""


TRAIN = ("train", "toypaper", *SMOKE, "--checkpoint-seconds", 0, "--set", "steps=40")
EVALUATE = ("evaluate", "toypaper", *SMOKE, "--set", "steps=40")
SETTLE = ("settle", "toypaper", "--include", "settled", "--out", "out", "--workers", 1)
PHASES = (
    Phase("train", TRAIN, weight=3),
    Phase("score", EVALUATE, (TRAIN,), weight=3),
    Phase("pack", ("export", "--data", "faces", "--resolution", SIDE, "--images", 60, "--out", "out/ex"), weight=2),
    Phase("report", ("report", "toypaper", *TOYS), (("reproduce", "toypaper", *SMOKE),)),
    Phase("settle", SETTLE, ((*SETTLE, "--dry-run"),), weight=2),
    Phase("queue", ("submit", "rival", *SMOKE, "--checkpoint-seconds", 0, "--set", "steps=40", "--cluster", "local"),
          victim="bench.cluster.worker"),
)  # fmt: skip


class Kills:
    def __init__(self, base: Path) -> None:
        self.base, self.kit = base, base / "kit"
        prepare_toys(self.kit)
        write_paper(self.kit / "settled")
        self.straight, self.moments, self.starts = {}, {}, {}

    def round(self, phase: Phase, most: int, chance: random.Random):
        """Some kills of one command, then its end. Returns how many, where, and what is not as it should be."""
        if phase.name not in self.straight:
            self._undisturbed(phase)
        room, where = self._room(phase), []
        for _ in range(1 if phase.name == "queue" else min(most, chance.randint(1, IN_A_ROW))):
            moment = chance.randrange(self.moments[phase.name])
            if self._run(room, phase, moment, chance.uniform(0, MOST_MILLISECONDS)):
                where.append(moment)
        _age(room / "cache")
        if phase.name != "queue":
            self._run(room, phase)
        return where, _differences(self.straight[phase.name], _files(room))

    def _undisturbed(self, phase: Phase) -> None:
        room = self._room(phase)
        self._run(room, phase)
        self.moments[phase.name] = int((room / "said/moments").read_text())
        self.straight[phase.name] = _files(room)

    def _room(self, phase: Phase) -> Path:
        """What the command starts from; the commands before are run once."""
        room = self.base / "room"
        shutil.rmtree(room, ignore_errors=True)
        if phase.name not in self.starts:
            shutil.copytree(self.kit, room)
            for words in phase.before:
                ended = forked.run(room, words, LIMIT, INPAINT_BENCH_CACHE=str(room / "cache"))
                assert ended.code == 0, ended
            self.starts[phase.name] = shutil.copytree(room, self.base / f"start-{phase.name}")
        else:
            shutil.copytree(self.starts[phase.name], room)
        return room

    def _run(self, room: Path, phase: Phase, moment: int | None = None, milliseconds: float = 0.0) -> bool:
        """Whether it was killed, which may come too late."""
        plan = {} if moment is None else {forked.MOMENT: f"{moment} {milliseconds / 1000}"}
        for name in ("killed", "moments"):
            (room / "said" / name).unlink(missing_ok=True)
        ended = forked.run(
            room, phase.words, LIMIT, INPAINT_BENCH_CACHE=str(room / "cache"), **{forked.VICTIM: phase.victim}, **plan
        )
        if phase.name == "queue":
            watched = forked.run(room, ("status", "--watch", "--out", "out"), LIMIT)
            if watched.code == 1:  # a job that has no second segment
                forked.run(room, ("retry", "--out", "out"), LIMIT)
                watched = forked.run(room, ("status", "--watch", "--out", "out"), LIMIT)
            assert watched.code == 0, watched
        elif ended.code not in (0, -9, -14):
            raise AssertionError(ended)
        return (room / "said/killed").exists()


def _files(room: Path):
    """Names and bytes; None for what holds times."""
    found = {}
    for path in sorted([*(room / "out").rglob("*"), *(room / "cache").rglob("*")]):
        name = str(path.relative_to(room))
        if path.is_file() and not any(part in name for part in ("/cluster/", "/rates/", "/tensorboard/")):
            timed = path.name in TIMES or "/settling/" in name
            found[name] = None if timed else path.read_bytes()
        elif path.name.endswith((".tmp", ".parts")):
            found[name] = None
    return found


def _differences(straight, found) -> list[str]:
    missing = [f"{name} is missing" for name in straight if name not in found]
    litter = [f"{name} is left over" for name in found if name not in straight]
    both = straight.keys() & found.keys()
    return missing + litter + [f"{name} differs" for name in sorted(both) if found[name] != straight[name]]


def _age(cache: Path) -> None:
    """An hour later: what is younger may belong to another process that packs."""
    for path in cache.rglob("*.tmp"):
        os.utime(path, (1, 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="phases with this in their name")
    parser.add_argument("-v", action="store_true", help="tell every round")
    asked = parser.parse_args()
    forked.ready()
    with tempfile.TemporaryDirectory(prefix="kill-") as base:
        return campaign(Path(base).resolve(), asked)


def campaign(base: Path, asked) -> int:
    kills, counts, wrong, number = Kills(base), Counter(), [], 0
    chosen = [phase for phase in PHASES if asked.only in phase.name]
    turns = [one for place in range(max(one.weight for one in chosen)) for one in chosen if one.weight > place]
    began = time.monotonic()
    while counts.total() < asked.kills:
        phase, chance = turns[number % len(turns)], random.Random(f"{asked.seed}/{number}")
        where, found = kills.round(phase, asked.kills - counts.total(), chance)
        counts[phase.name] += len(where)
        number += 1
        if found or asked.v:
            moments = kills.moments[phase.name]
            print(f"{phase.name}, killed at {where} of {moments}: {'; '.join(found[:6]) or 'the same'}", flush=True)
        wrong += found
        if number > 10 * asked.kills:
            raise AssertionError("the commands end before they are killed")
    told = ", ".join(f"{count} in {name}" for name, count in counts.items())
    litter = sum("left over" in one for one in wrong)
    print(f"{counts.total()} kills ({told}): {len(wrong) - litter} differences, {litter} files left over", end="")
    print(f"; {time.monotonic() - began:.0f} s")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
