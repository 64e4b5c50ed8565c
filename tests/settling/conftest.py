"""A paper of toys whose claims two trainings can answer, and rates that nobody has to measure."""

import pytest
from toy import PAPER, write_toys

from bench.cluster.calibrate import Calibrated
from bench.runs import rates
from bench.runs.meter import Spent, Tally

QUICK = """
[scales.quick]
summary = "Few steps, and images enough to be evidence."
cost = "a second"
settings = { steps = 4 }
protocol = { data = ["faces"], resolution = 16, images = 300, test_images = 32, mask_sets = ["center"] }
rivals = { rival = { steps = 4 } }
"""


def claim(name, better, worse, metric="psnr", mask_set="center"):
    return f"""
[[claims]]
id = "{name}"
kind = "order"
section = "1"
statement = "{name}"
scope = {{ holes = "not said", opponents = "not said", measure = "not said" }}
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "{better}"
worse = "{worse}"
metric = "{metric}"
mask_sets = ["{mask_set}"]
"""


CLAIMS = "".join(
    [
        claim("darker", "variant:default", "variant:brighter"),
        claim("slower", "variant:default", "variant:faster"),
        claim("floors", "best floor", "variant:default"),
        claim("looks", "variant:default", "method:rival", "lpips"),
        claim("shapes", "variant:default", "method:rival", mask_set="shapes"),
    ]
)


def write_paper(folder):
    """The toys, with a quick scale and more claims."""
    write_toys(folder)
    text = PAPER.replace("\n[scales.smoke]", CLAIMS + "\n[scales.smoke]")
    text = text.replace('\n[scales.quick]\nsummary = "As smoke."\ncost = "a second"\n', QUICK)
    (folder / "toypaper" / "paper.toml").write_text(text)
    return folder


@pytest.fixture(scope="session")
def paper_of_toys():
    return write_paper


def measured(tasks, out):
    """What a calibration leaves: a tenth of a second for a step, a thousandth for an image."""
    for task in tasks:
        steps = {"first": Tally(1, Spent(0.1, 0.1)), "second": Tally(1, Spent(0.1, 0.1))}
        images = {"center": Tally(1, Spent(0.001, 0.001))}
        for kind, tallies in (("train", steps), ("score", images)):
            rates.put(out, task.rate_name, kind, tallies, source="calibrated")
    return Calibrated()


@pytest.fixture(scope="module")
def rated():
    """No calibration: it takes seconds, and its figures differ from time to time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.settling.rounds.calibrate", measured)
        yield
