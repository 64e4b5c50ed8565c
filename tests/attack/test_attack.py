"""A sample of both campaigns; the whole: `python tests/mutate.py --cases 1000`, `python tests/kill.py --kills 40`.

CASES and KILLS say how many. The commands run in processes of their own, which load everything once and fork.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def campaign(name, *words):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(TESTS / name), *words], capture_output=True, text=True, cwd=TESTS.parent, env=environment
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@pytest.mark.slow
def test_no_changed_file_is_believed_hangs_or_gets_through(tmp_path):
    said = campaign("mutate.py", "--cases", os.environ.get("CASES", "40"))
    (total,) = re.findall(r"^all +(\d+)", said, re.MULTILINE)
    assert total == os.environ.get("CASES", "40")


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_every_file_is_the_same(tmp_path):
    said = campaign("kill.py", "--kills", os.environ.get("KILLS", "6"))
    assert re.search(rf"^{os.environ.get('KILLS', '6')} kills .*: 0 differences, 0 files left over", said, re.MULTILINE)


WATCHED = """
import os, sys, subprocess
from pathlib import Path
from attack import forked
from attack.forked import Command

room, elsewhere = map(Path, sys.argv[1:])

def misbehave():
    (elsewhere / "left").write_text("x")
    subprocess.run(["true"])
    (room / "out").mkdir()
    (room / "out" / "fine").write_text("x")
    raise ValueError("no")

forked.command_line.main = misbehave
ended = forked.run(room, [], 20, [room / "out"])
assert ended.code == 1 and "Traceback" in ended.err, ended
assert any(str(elsewhere / "left") in line for line in ended.outside), ended
assert any("starts 'true'" in line for line in ended.outside), ended
assert not any("fine" in line for line in ended.outside), ended
forked.command_line.main = lambda: os.read(os.pipe()[0], 1)
assert forked.run(room, [], 0.5).code is None
print("seen")
"""


def test_what_a_command_does_amiss_is_seen(tmp_path):
    for name in ("room", "elsewhere"):
        (tmp_path / name).mkdir()
    words = [sys.executable, "-c", WATCHED, str(tmp_path / "room"), str(tmp_path / "elsewhere")]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(TESTS)})
    assert done.stdout == "seen\n", done.stderr
