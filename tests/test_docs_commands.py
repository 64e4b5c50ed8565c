"""Every `python -m bench` command in the documentation is given to the command line as it is printed.

What takes long is stopped at its last step before the work: runs are planned (`--dry-run`) and not made, and nothing is
downloaded, timed or asked of a cluster. The rest runs. Data sets, weights and pictures that a reader brings are small
files of the same names.
"""

import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.calibration.rows import ABOVE, COVERED
from bench.cluster.calibrate import Calibrated
from bench.contract.building import _Weightless
from bench.methods.base import DataFacts, Method
from bench.methods.catalog import ROOT
from bench.runs.building import build_method
from bench.runs.worklist import Worklist
from bench.training.device import open_fabric
from bench.training.processes import check_shared

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "slurm/README.md", "results/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "papers").glob("*/README.md")),
]
CALL = re.compile(r"(?:^|(?<=[\s`/]))python -m bench\b")
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`([^`]+)`")
PLANNED = ("reproduce", "submit", "settle")


def commands(text: str) -> Iterator[str]:
    """Each call in code, whole or inline, without comments and with its continued lines."""
    blocks = FENCED.findall(text)
    inline = [" ".join(found.split()) for found in INLINE.findall(FENCED.sub("", text))]
    for line in [*"\n".join(blocks).replace("\\\n", " ").splitlines(), *inline]:
        for part in line.split("&&"):
            if (start := CALL.search(part)) is not None:
                yield " ".join(shlex.split(part[start.end() :], comments=True))


DOCUMENTED = list(dict.fromkeys((page, line) for page in PAGES for line in commands(page.read_text())))
MEANT = {"...": "", "KEY": "grey", "METHOD": "harmonic", "PAPER": "fang2021", "RUN": "some-run"}
"""What stands for something else in a sentence."""


def test_commands_are_found() -> None:
    block = "```\n.venv/bin/python -m bench a --b \\\n  c # d\n```\n"
    text = f"Text `python -m bench list` and `python -m\nbench show x`.\n{block}"
    assert list(commands(text)) == ["a --b c", "list", "show x"]
    assert len(DOCUMENTED) > 60
    assert {page for page, _ in DOCUMENTED} >= {ROOT / "README.md", *(ROOT / "papers").glob("*/README.md")}


class TwoInputs(torch.nn.Module):
    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        return image * (1 - hole)


def bring(home: Path) -> None:
    """What a reader has: pictures, a mask, data sets, networks, a profile of the cluster."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(home / "cat.png")
    Image.fromarray((np.arange(4096).reshape(64, 64) % 64 > 40).astype(np.uint8) * 255).save(home / "mask.png")
    torch.jit.script(TwoInputs()).save(str(home / "big-lama.pt"))
    (home / "slurm").mkdir()
    shutil.copy(ROOT / "bench" / "cluster" / "profiles" / "example.toml", home / "slurm" / "mycluster.toml")
    (home / "vgg19-dcbb9e9d.pth").write_bytes(b"weights")
    (home / "IMAGENET" / "train").mkdir(parents=True)
    shutil.copy(home / "cat.png", home / "IMAGENET" / "train")


def weightless(*asked: Any, **named: Any) -> Method:
    """A method at full size without memory for its weights, as only its sizes count here."""
    try:
        with torch.device("meta"), _Weightless():
            return build_method(*asked, **named)
    except (NotImplementedError, RuntimeError, TypeError):
        return build_method(*asked, **named)


def train(work: Worklist) -> None:
    """As far as the batches, which the processes must share."""
    method = weightless(work.entry, work.values(work.own([work.request.variant])[0]).placed, DataFacts(256, 9), seed=0)
    for stage in method.stages():
        check_shared(stage, method.settings, work.request.processes)


DONE: dict[str, Callable[..., Any]] = {
    "bench.cluster.campaign.build_method": weightless,
    "bench.runs.worklist.build_method": weightless,
    "bench.runs.worklist.load_pretrained": lambda entry, files: None,
    "bench.runs.worklist.Worklist._open_fabric": lambda work: open_fabric("cpu"),
    "bench.runs.worklist.Worklist.evaluate": lambda work: iter(()),
    "bench.runs.worklist.Worklist.train": train,
    "bench.cluster.plan.calibrate": lambda tasks, out: Calibrated(),
    "bench.settling.rounds.calibrate": lambda tasks, out: Calibrated(),
    "bench.settling.question.load_data": lambda *asked: None,
    "bench.cluster.live.show_status": lambda *asked: 0,
    "bench.cluster.doctor.examine": lambda *asked: 0,
    "bench.contract.accepted.refuse_mistakes": lambda *asked: None,  # tests/contract does, once for each paper
    "bench.api.verbs.of_records": lambda records: SimpleNamespace(records=list(records)),
    "bench.api.verbs.write_export": lambda *asked: None,
    "bench.api.verbs.score": lambda folder, **asked: SimpleNamespace(record=None),
    "bench.exchange.shown.show": lambda *asked: None,
    "bench.api.reproduction.report": lambda *asked: None,
    "bench.api.reproduction.print_reproduction": lambda *asked: None,
    "bench.api.verbs.make_overview": lambda *asked: None,
    "bench.api.overview.print_overview": lambda *asked: None,
    "bench.cli.fetch._download": lambda console, published, path: path.write_bytes(b"weights"),
    "bench.calibration.trials.run_trials": lambda rows, *asked: {
        row.name: Counter({COVERED if row.kind == "coverage" else "inconclusive": 95, ABOVE: 5}) for row in rows
    },
    "bench.speed.table.print_speed": lambda *asked: None,
    "baselines.vgg._layers": lambda *asked: torch.nn.Sequential(),
}
"""Last steps before the work, or the wait."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of the reader's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    bring(tmp_path)
    return tmp_path


def words_of(line: str) -> list[str]:
    return [meant for word in shlex.split(line.replace("$OUT", "runs")) if (meant := MEANT.get(word, word))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_documented_commands_are_accepted(page, home, monkeypatch, bench):
    for place, instead in DONE.items():
        monkeypatch.setattr(place, instead)
    refused = []
    for line in commands(page.read_text()):
        words = words_of(line)
        words += ["--dry-run"] if words[0] in PLANNED and "--dry-run" not in words else []
        words += ["--include", "grey.py"] if words[:2] == ["evaluate", "grey"] else []
        (home / "filled.png").unlink(missing_ok=True)
        code, out, error = bench(*words)
        if code or error:
            refused.append(f"python -m bench {line}: {out[-300:]}{error}")
    assert refused == []


def test_files_that_are_to_be_copied_are_there() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    sources = re.findall(r"^cp (\S+) \S+", text, re.M)
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
