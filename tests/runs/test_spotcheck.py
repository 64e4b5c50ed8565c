"""The spot check against methods that know more than they should."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from invented import protocol
from rich.console import Console
from toy import noise, write_toys

from bench.claims.contenders import contenders
from bench.data import load
from bench.methods.base import BrokenResultError
from bench.methods.catalog import ROOT, find
from bench.report.boards import leaderboards
from bench.runs import spotcheck
from bench.runs.experiment import plan
from bench.runs.parts import SpotCheck
from bench.runs.request import Request
from bench.runs.spotcheck import PICTURES, choose
from bench.training.device import open_fabric
from bench.util.errors import UserError
from bench.util.progress import Progress

MASK_SETS = ("center", "random")

METHOD = '''
"""A method that is not what it seems."""
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from bench.methods.base import Inpainter, Method

SEEN = {{}}


class Filler(Inpainter):
    calls = 0

    def inpaint(self, image, hole, seed):
        {body}


class Cheat(Method):
    def inpainter(self):
        return Filler()


METHOD = Cheat
'''

HONEST = "return image.masked_fill(hole, 0.5)"
EDITS = """
        image[hole.expand_as(image)] = 0.5
        hole[:] = False
        seed[:] = 0
        return image"""
CALLS = """
        Filler.calls += 1
        return image.masked_fill(hole, Filler.calls / 100)"""
CLOCK = "return image.masked_fill(hole, (time.time_ns() // 1000) % 256 / 255)"
FRAME = """
        frame = sys._getframe()
        while frame is not None:
            if "test" in frame.f_locals and hasattr(frame.f_locals["test"], "pixels"):
                pixels = torch.from_numpy(np.array(frame.f_locals["test"].pixels)).float() / 255
                return torch.stack([nearest(one, gap, pixels) for one, gap in zip(image, hole)])
            frame = frame.f_back
        return image.masked_fill(hole, 0.5)"""
PACK = """
        packs = [np.load(file) for file in Path(CACHE).rglob("faces-*/test.npy")]  # the cache is other tests', too
        packs = [pack for pack in packs if pack.shape[1:] == tuple(image.shape[1:])]
        pixels = torch.from_numpy(np.concatenate(packs)).float() / 255
        return torch.stack([nearest(one, gap, pixels) for one, gap in zip(image, hole)])"""
HIDES = """
        try:
            np.load(next(Path(CACHE).rglob("faces-*/test.npy")))
        except OSError:
            pass
        return image.masked_fill(hole, 0.5)"""
MEMORY = """
        for index, one in enumerate(image):
            key = one[:, 0].numpy().tobytes()
            held = SEEN.setdefault(key, torch.full_like(one, 0.5))
            gap = hole[index].expand_as(one)
            held[~gap] = one[~gap]
            image[index] = held
        return image"""
NEAREST = '''

def nearest(one, gap, pixels):
    """The picture with the same known pixels."""
    apart = ((pixels - one) * ~gap).abs().sum(dim=(1, 2, 3))
    return pixels[apart.argmin()]
'''


@pytest.fixture
def made(tmp_path, cache):
    """Makes the record of a method with this body."""

    def make(body, name="cheat", force=False):
        file = tmp_path / name / "cheat.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(METHOD.format(body=body.replace("CACHE", repr(str(cache)))) + NEAREST)
        sys.modules.pop("included.cheat", None)
        asked = protocol(mask_sets=MASK_SETS)
        request = Request(key="cheat", scale="smoke", out=tmp_path / "out", cache=cache)
        run = plan(find([file])["cheat"], request, 0, asked, load(asked, cache), open_fabric("cpu"))
        return run.make(Progress(Console(file=io.StringIO())), force)

    return make


@pytest.mark.parametrize("body", [HONEST, EDITS], ids=["honest", "edits its inputs"])
def test_an_honest_method_passes_and_its_record_keeps_its_bits(made, body):
    record = made(body)
    count = min(PICTURES, len(record.mask_set("center")))
    assert record.content.spot_check == SpotCheck(images=count, different=0)
    assert record.unranked == ""
    assert len(contenders([record])) == 1
    kept = (record.folder / "record.json").read_bytes()
    assert (made(body, force=True).folder / "record.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (CALLS, "pictures come out different"),
        (CLOCK, "pictures come out different"),
        (FRAME, "pictures come out different"),
        (MEMORY, "pictures come out different"),
        (PACK, r"it tries to read faces-\d+-\w+/test\.npy"),
        (HIDES, r"it tries to read faces-\d+-\w+/test\.npy"),
    ],
    ids=["calls", "clock", "frame", "memory", "pack", "pack and hides it"],
)
def test_a_method_that_knows_more_is_caught_and_ranked_nowhere(made, body, why):
    honest, record = made(HONEST, "honest"), made(body)
    found = record.content.spot_check
    assert found.different > 0
    assert record.unranked == found.why
    assert re.search(why, found.why)
    assert record.content.notes[0] == f"Not ranked: {found.why}."
    assert [one.records for one in contenders([honest, record])] == [(honest,)]
    (board, _) = leaderboards([honest, record], "cheat", set())
    assert len(board.lines) == 1
    assert board.notes[0] == f"{record.run.name} is not ranked: {found.why}."
    (alone, _) = leaderboards([record], "cheat", set())
    assert alone.lines == []


def test_truths_that_were_read_do_pay_without_the_check(made):
    # So that the methods above are caught for what they did, and not because they are broken.
    for body in (FRAME, PACK):
        record = made(body)
        assert record.scores["l1"].max() == 0


@pytest.mark.parametrize("text", ["raise SystemExit(3)", "sys.exit('done')", "raise GeneratorExit"])
def test_a_method_that_ends_the_program_leaves_a_message_and_no_record(made, tmp_path, text):
    with pytest.raises(BrokenResultError, match=r"Filler raised \w+.*; a method must not end the program"):
        made(text)
    assert not list(tmp_path.rglob("record.json"))


def test_a_method_that_fails_only_there_is_caught(made):
    record = made(f"if '_pytest' not in sys.modules: sys.exit(7)\n        {HONEST}")
    assert record.content.spot_check.why.endswith("it fails with BrokenResultError: Filler raised SystemExit (7);"
                                                        " a method must not end the program.")  # fmt: skip


def test_where_the_check_cannot_be_made_there_is_no_record(made, tmp_path):
    dies = f"if '_pytest' not in sys.modules: os.kill(os.getpid(), 9)\n        {HONEST}"
    with pytest.raises(UserError, match="could not be made: the process that makes it was ended by signal 9"):
        made(dies)
    assert not list(tmp_path.rglob("record.json"))
    assert made(HONEST).unranked == ""


def test_the_choice_is_the_keys_and_shows_no_picture_twice():
    chosen = choose("key", MASK_SETS, 200)
    assert chosen == choose("key", MASK_SETS, 200)
    assert chosen != choose("other", MASK_SETS, 200)
    assert len(set(chosen.indices)) == PICTURES
    assert set(Counter(chosen.mask_sets).values()) == {PICTURES // 2}
    assert chosen.indices != sorted(chosen.indices)
    assert sorted(choose("key", MASK_SETS, 5).indices) == [0, 1, 2, 3, 4]
    # Every image has the same chance.
    counts = Counter(index for key in range(2000) for index in choose(str(key), MASK_SETS, 40).indices)
    expected = 2000 * PICTURES / 40
    assert max(abs(counts[index] - expected) for index in range(40)) < 5 * np.sqrt(expected)


def test_only_the_nearest_folder_decides(tmp_path):
    home = tmp_path / "out" / "runs" / "faces-smoke" / "one"
    found = spotcheck.places(home, noise(), str(tmp_path), [tmp_path / "w.pth"])

    def may(path):
        path = Path(path).resolve()
        return next((found[place] for place in (path, *path.parents) if place in found), True)

    assert not may(home / "predictions" / "center.npy")
    assert not may(home.parent / "two" / "checkpoints" / "trained.pt")
    assert not may(tmp_path / "picture.png")
    assert may(home / "checkpoints" / "trained-1.pt")
    assert may(home / "run.json")
    assert may(tmp_path / "w.pth")
    assert may(torch.__file__)
    assert may("/etc/hostname")


def test_trained_networks_are_built_from_the_runs_folder_and_pages_say_who_is_not_ranked(bench, tmp_path):
    toys = write_toys(tmp_path / "toys")
    method = toys / "toypaper" / "method.py"
    text = method.read_text()
    counting = "result = result + torch.tensor(len(CALLS) / 50)\n        CALLS.append(0)"
    text = text.replace("        self.diagnostics", f"        {counting}\n        self.diagnostics") + "\nCALLS = []\n"
    method.write_text(text)
    out = tmp_path / "out"
    words = ["reproduce", "toypaper", "--scale", "smoke", "--include", toys, "--out", out, "--device", "cpu"]
    code, printed, error = bench(*words)
    assert (code, error) == (0, "")
    found = {path.parent.name: json.loads(path.read_text())["spot_check"] for path in out.rglob("record.json")}
    bad = {name for name, check in found.items() if check["different"]}
    assert {name.split("-seed")[0] for name in bad} == {"toypaper", "toypaper+brighter"}
    assert any(name.startswith("rival") for name in found)  # trained, and as it should be
    assert "Not ranked" in (out / "reports" / "toypaper" / "index.html").read_text()
    board = (out / "reports" / "toypaper" / "leaderboard.md").read_text()
    for name in bad:
        assert f"{name} is not ranked: filled again in a process without the truth" in board
    assert "is not ranked" in printed


ALONE = """
import sys, time
from bench.runs import spotcheck

if __name__ == "__main__":
    spotcheck.get_ready()
    print(spotcheck._other._process.pid, flush=True)
    if sys.argv[1] == "stay":
        time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_the_other_process_ends_with_this_one(tmp_path, how):
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(script), "stay" if how == "is killed" else "end"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as first:
        other = int(first.stdout.readline())
        if how == "is killed":
            first.send_signal(signal.SIGKILL)
    for _ in range(300):
        if not Path(f"/proc/{other}").exists():
            break
        time.sleep(0.1)
    else:
        pytest.fail("the other process is still there")
    assert not list((tmp_path / "tmp").iterdir())
