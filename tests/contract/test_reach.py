"""Reach against what runs really leave open: every listed claim and no other."""

import pytest
from toy import PAPER, write_toys

from bench import reproduce
from bench.claims.finding import Verdict
from bench.contract.reach import measured, reach
from bench.methods.catalog import find

CLAIM = """
[[claims]]
id = "{id}"
kind = "{kind}"
section = "1"
statement = "x"
scope = {{ holes = "not said", opponents = "not said", measure = "not said" }}
basis = "stated"
objection = "Another seed."
answer = "More seeds."
{rest}
"""
ORDER = 'better = "variant:default"\nworse = "{worse}"\nmetric = "{metric}"\nmask_sets = ["{masks}"]'
CLAIMS = {
    "floor": ("order", ORDER.format(worse="best floor", metric="psnr", masks="center")),
    "named-floor": ("order", ORDER.format(worse="method:harmonic", metric="psnr", masks="center")),
    "other-variant": ("order", ORDER.format(worse="variant:faster", metric="psnr", masks="center")),
    "other-method": ("order", ORDER.format(worse="method:other_rival", metric="psnr", masks="center")),
    "other-holes": ("order", ORDER.format(worse="best floor", metric="psnr", masks="random")),
    "probe": ("order", ORDER.format(worse="best floor", metric="amplify_noise", masks="center")),
    "bound": ("bound", 'of = "variant:default"\nmetric = "psnr"\nmask_sets = ["center"]\nabove = 1'),
    "floor-bound": ("bound", 'of = "method:telea"\nmetric = "psnr"\nmask_sets = ["center"]\nabove = 1'),
    "curve": (
        "trace",
        'of = "variant:default"\nstage = "first"\nscalar = "loss"\ncheck = "settles"\nshare = 2\nflat = 9',
    ),
}
QUICK = """
settings = { steps = 8 }
protocol = { data = ["faces"], resolution = 16, images = 480, test_images = 50, mask_sets = ["center"] }
variants = ["brighter"]
"""


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = write_toys(tmp_path_factory.mktemp("reach"))
    text = PAPER.replace("[scales.paper]", QUICK + "\n[scales.paper]")
    text += "".join(CLAIM.format(id=key, kind=kind, rest=rest) for key, (kind, rest) in CLAIMS.items())
    (folder / "toypaper" / "paper.toml").write_text(text)
    return folder


def test_what_each_claim_needs(toys):
    catalog = find([toys])
    gaps = {gap.claim: gap for gap in reach(catalog["toypaper"], catalog)["quick"]}
    assert {key: gap.why for key, gap in gaps.items()} == {
        "ahead": "needs rival; needs 3 seeds",
        "floor": "needs 3 seeds",
        "named-floor": "needs 3 seeds",
        "other-variant": "needs variant faster; needs 3 seeds",
        "other-method": "needs other_rival; needs 3 seeds",
        "other-holes": "needs mask set random; needs 3 seeds",
        "probe": "needs the probe perturb in [scales.quick.protocol]; needs 3 seeds",
        "bound": "needs 3 seeds",
        "curve": "needs 3 seeds",
    }
    words = "python -m bench reproduce toypaper"
    end = f" --include {toys / 'toypaper'}"
    assert gaps["other-variant"].command == f"{words} --variant faster --seed 0 --seed 1 --seed 2{end}"
    assert gaps["other-method"].command == f"{words} --with-baselines --seed 0 --seed 1 --seed 2{end}"
    assert gaps["other-holes"].command == f"{words} --masks center --masks random --seed 0 --seed 1 --seed 2{end}"
    assert gaps["probe"].command == ""


def test_a_smoke_run_reaches_nothing_and_quick_is_named(toys):
    catalog = find([toys])
    entry = catalog["toypaper"]
    gaps = {gap.claim: gap for gap in reach(entry, catalog)["smoke"]}
    assert gaps.keys() == {claim.id for claim in measured(entry.paper())}
    assert gaps["floor"].command == (
        f"python -m bench reproduce toypaper --seed 0 --seed 1 --seed 2 --include {toys / 'toypaper'}"
    )


ALL = {"variants": ["faster"], "with_baselines": True, "seeds": [0, 1, 2]}


@pytest.mark.parametrize("asked", [{}, pytest.param(ALL, marks=pytest.mark.slow)], ids=["plain", "all"])
def test_the_list_is_what_runs_leave_open(toys, tmp_path, cache, asked):
    """A claim that is not listed gets an answer, or a reason that lies in the numbers; a listed one gets none."""
    catalog = find([toys])
    entry = catalog["toypaper"]
    (chapter,) = reproduce("toypaper", out=tmp_path, cache=cache, include=[toys], **asked).report.chapters
    ids = {claim.id for claim in measured(entry.paper())}
    open_ = {
        finding.claim.id
        for finding in chapter.findings
        if finding.verdict == Verdict.NOT_ATTEMPTED or "another seed alone can move" in finding.why
    } & ids
    gaps = reach(entry, catalog)["quick"]
    if not asked:
        assert open_ <= {gap.claim for gap in gaps}
        assert {gap.claim for gap in gaps if "seeds" not in gap.why or "; " in gap.why} <= open_
    else:
        assert open_ == {gap.claim for gap in gaps if "--masks" in gap.command or not gap.command}


@pytest.mark.parametrize("entry", find().papers, ids=lambda entry: entry.key)
def test_scale_paper_answers_every_measurable_claim(entry):
    """Whatever its margin: variants, other methods, seeds, probes, mask sets and test images are there."""
    assert measured(entry.paper())
    assert reach(entry, find())["paper"] == []


def test_what_a_scale_lists_is_no_gap(toys, tmp_path):
    text = (toys / "toypaper" / "paper.toml").read_text()
    (tmp_path / "toypaper").mkdir()
    (tmp_path / "rival.py").write_text((toys / "rival.py").read_text())
    (tmp_path / "other_rival.py").write_text((toys / "rival.py").read_text())
    (tmp_path / "toypaper" / "method.py").write_text((toys / "rival.py").read_text())
    lists = 'variants = ["claimed"]\nbaselines = ["claimed"]\nseeds = 3\n\n[scales.paper]'
    text = text.replace('variants = ["brighter"]\n\n[scales.paper]', lists)
    (tmp_path / "toypaper" / "paper.toml").write_text(text)
    catalog = find([tmp_path])
    gaps = {gap.claim: gap.why for gap in reach(catalog["toypaper"], catalog)["quick"]}
    assert gaps == {
        "other-holes": "needs mask set random",
        "probe": "needs the probe perturb in [scales.quick.protocol]",
    }
