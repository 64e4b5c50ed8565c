"""Change files of every kind that is read, one at a time, and see what the command line makes of each.

    python tests/mutate.py --cases 1000            all kinds; the same seed is the same cases
    python tests/mutate.py --only checkpoint -v    one kind, every case told
    python tests/mutate.py --case 417              one case, with what it printed

Each case takes an honest file, changes it (tests/attack/mutations.py) and runs the verb that reads it
(tests/attack/targets.py). It must end with exit code 0 or 2; with one line that begins "error: " if 2; without a
traceback or control characters on the screen, in time, and without writing outside its --out and cache. And if it ends
with 0, its answer must be the honest file's, or stand under another key than that.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from attack import forked, mutations
from attack.targets import TARGETS, Target, command, content, prepare, printed

from bench.util.text import UNSEEN

LIMIT = 60.0
"""Seconds; a case takes under three."""


class Verdict(NamedTuple):
    outcome: str
    """refused, recomputed, harmless or another (question, with an answer of its own), else what was found."""
    found: bool = False


class Case(NamedTuple):
    number: int
    target: Target
    mutation: object
    seed: str


def cases(seed, count, only=""):
    """The targets in turn, each as often as its weight says."""
    chosen = [one for one in TARGETS if only in one.kind]
    turns = [one for place in range(max(one.weight for one in chosen)) for one in chosen if one.weight > place]
    for number in range(count):
        target, name = turns[number % len(turns)], f"{seed}/{number}"
        yield Case(number, target, random.Random(name).choice(target.mutations), name)


class Attack:
    """Cases, one after the other, in one room that is made anew for each."""

    def __init__(self, base: Path) -> None:
        self.kit, self.room = base / "kit", base / "room"
        self.room.mkdir()
        prepare(self.room)  # where the cases will be: records tell places
        self.room.rename(self.kit)
        self.honest = {}

    def run(self, case: Case):
        """What was done, how it ended, and the verdict."""
        if id(case.target) not in self.honest:
            self.honest[id(case.target)] = self._honest(case.target)
        files = self._furnish(case.target)
        chance = random.Random(case.seed + "/file")
        path = chance.choice(files)
        name = str(path.relative_to(self.room))
        honest = content(path)
        mutations.mutate(path, case.mutation, chance)
        changed, before = content(path), _tree(self.room)
        ended = command(self.room, self._words(case.target), LIMIT)
        verdict = self._judge(case.target, ended, before, path, honest, changed)
        return f"{case.mutation.__name__} of {name}", ended, verdict

    def _honest(self, target: Target):
        self._furnish(target)
        ended = command(self.room, self._words(target), LIMIT)
        assert ended.code in (0, *target.codes), (target, ended)
        return target.answer(self.room, ended)

    def _furnish(self, target: Target) -> list[Path]:
        """The honest room; returns the files that may be changed."""
        shutil.rmtree(self.room, ignore_errors=True)
        (self.room / "out").mkdir(parents=True)
        for name in target.parts:
            shutil.copytree(self.kit / name, self.room / name, dirs_exist_ok=True, symlinks=True)
        target.before(self.room)
        self.run_folder = self._first("out/runs/faces-smoke/toypaper-seed0-*")
        return sorted(path for path in self.room.glob(target.files) if path.is_file())

    def _first(self, pattern: str) -> Path | None:
        return next(iter(sorted(self.room.glob(pattern))), None)

    def _words(self, target: Target):
        words = {"RUN": self.run_folder, "WEIGHTS": self._first("in/weights/*")}
        return [words.get(word, word) for word in target.words]

    def _judge(self, target: Target, ended, before, path: Path, honest, changed) -> Verdict:
        said = ended.out + ended.err
        if ended.code is None:
            return Verdict("hangs", True)
        if "Traceback" in said or ended.code not in (0, 2, *target.codes):
            return Verdict(f"ends with {ended.code}", True)
        # Of a paper.toml several mistakes are told, each in a line.
        one_line = len(ended.err.strip().splitlines()) == 1 or target.kind == "paper.toml"
        if ended.code == 2 and not (ended.err.startswith("error: ") and one_line):
            return Verdict("is not refused in one line", True)
        if (raw := UNSEEN.search(said.replace("\r", ""))) is not None:
            return Verdict(f"prints {raw[0]!r}", True)
        after = _tree(self.room)
        written = [name for name in after.keys() | before.keys() if after.get(name) != before.get(name)]
        if outside := [*ended.outside, *written]:
            return Verdict(f"writes outside: {outside[0]}", True)
        if ended.code == 2:
            return Verdict("refused")
        key, answer = target.answer(self.room, ended)
        honest_key, honest_answer = self.honest[id(target)]
        if target.answer is printed and content(path) == honest:
            return Verdict("recomputed")
        if key == honest_key and answer != honest_answer:
            return Verdict(f"is believed{_difference(honest_answer, answer)}", True)
        if key != honest_key:
            return Verdict("another")
        return Verdict("harmless" if content(path) == changed else "recomputed")


def _difference(honest, answer) -> str:
    if not isinstance(honest, dict):
        return ""
    names = [name for name in honest.keys() | answer.keys() if honest.get(name) != answer.get(name)]
    return f", which changes {', '.join(sorted(map(str, names)))}"


def _tree(room: Path):
    """Everything but what a command may write: with size and time."""
    found = {}
    for top in sorted(room.iterdir()):
        if top.name not in ("out", "cache", "said"):
            for path in (top, *top.rglob("*")):
                status = path.lstat()
                time = 0 if path.is_dir() and not path.is_symlink() else status.st_mtime_ns
                found[str(path.relative_to(room))] = (status.st_mode, 0 if not time else status.st_size, time)
    return {name: value for name, value in found.items() if name not in ("home", "tmp")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds with this in their name")
    parser.add_argument("--case", type=int, help="this one alone")
    parser.add_argument("--part", default="0/1", help="I/N: every Nth case, from the Ith on")
    parser.add_argument("-v", action="store_true", help="tell every case")
    asked = parser.parse_args()
    forked.ready()
    with tempfile.TemporaryDirectory(prefix="mutate-") as base:
        return attack(Path(base).resolve(), asked)


def attack(base: Path, asked) -> int:
    made, counts, found = Attack(base), {}, []
    part, parts = map(int, asked.part.split("/"))
    for case in cases(asked.seed, asked.cases, asked.only):
        if asked.case not in (None, case.number) or case.number % parts != part:
            continue
        what, ended, verdict = made.run(case)
        column = "found" if verdict.found else verdict.outcome
        counts.setdefault(case.target.kind, Counter())[column] += 1
        line = f"case {case.number}: {case.target.words[0]}, {what}: {verdict.outcome}"
        if verdict.found:
            found.append(f"{line}\n    {(ended.err or ended.out).strip()[-600:]}")
            print(found[-1], flush=True)
        elif asked.v or asked.case is not None:
            print(f"{line}\n    {(ended.err or ended.out).strip()[-300:]}", flush=True)
    columns = ("refused", "recomputed", "harmless", "another", "found")
    print(f"\n{'':22}{''.join(f'{name:>12}' for name in ('cases', *columns))}")
    total = sum(counts.values(), Counter())
    for kind, row in [*counts.items(), ("all", total)]:
        print(f"{kind:22}{row.total():12}{''.join(f'{row[name]:12}' for name in columns)}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
