"""Bounds, traces and trends in a paper.toml: what they need, and what is said where a name or a key is wrong."""

from pathlib import Path

import pytest

from bench.paper import read_paper
from bench.paper.words import rule
from bench.util.errors import UserError

GOOD = """\
[paper]
title = "A"
authors = ["B"]
year = 2020
summary = "C"

[scales.smoke]
summary = "s"
cost = "c"
[scales.quick]
summary = "s"
cost = "c"
[scales.paper]
summary = "s"
cost = "c"
[scales.paper.protocol]
resolution = 256

[variants.other]
summary = "v"
settings = {}
"""

MORE = """
[[claims]]
id = "settled"
kind = "bound"
section = "3"
statement = "It settles."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
of = "variant:default"
metric = "aux_settled"
mask_sets = ["random", "center"]
below = 0.01

[[claims]]
id = "vanishes"
kind = "trace"
section = "3"
statement = "The loss vanishes."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
of = "variant:other"
stage = "gan"
scalar = "critic"
check = "vanishes"
below = 0.1
against = "variant:default"
share = 0.5

[[claims]]
id = "flat"
kind = "trace"
section = "3"
statement = "It flattens."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
of = "method:rival"
stage = "gan"
scalar = "wasserstein"
tail = 0.2
check = "settles"
share = 0.4
flat = 0.1

[[claims]]
id = "large"
kind = "trend"
section = "3"
statement = "Large holes are worse."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
of = "variant:default"
metric = "psnr_hole"
mask_sets = ["irregular"]
with = "hole_share"
falls = true

[[claims]]
id = "again"
kind = "order"
section = "3"
statement = "Another run is another picture."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "best floor"
worse = "variant:default"
metric = "repeat_l1"
mask_sets = ["center"]
"""
TEXT = GOOD + MORE


def read(tmp_path: Path, text: str):
    file = tmp_path / "paper.toml"
    file.write_text(text)
    return read_paper(file)


def test_every_kind_reads_and_is_said_in_one_sentence(tmp_path):
    claims = {claim.id: claim for claim in read(tmp_path, TEXT).claims}
    assert rule(claims["settled"]) == "mean settled (self-reported) of default below 0.01 on random, center"
    assert rule(claims["vanishes"]) == (
        "size of critic of other in stage gan, median over the last 10 % of the steps: under 0.1, and under 50 % of"
        " that of default"
    )
    assert rule(claims["flat"]) == (
        "size of wasserstein of rival in stage gan, median over the last 20 % of the steps: under 40 % of its largest,"
        " and drifting by less than 10 % of itself"
    )
    assert rule(claims["large"]) == (
        "PSNR in the hole of default falls with the hole's share, image by image, on irregular"
    )
    assert claims["vanishes"].sides == ("variant:other", "variant:default")
    assert claims["flat"].sides == ("method:rival",)
    assert claims["again"].sides == ("best floor", "variant:default")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('metric = "aux_settled"', 'metric = "tolled"', "claims.0.metric: 'tolled' is not a metric."),
        ('metric = "aux_settled"', 'metric = "aux_"', "claims.0.metric: 'aux_' is not a metric."),
        ('metric = "aux_settled"', 'metric = "told_settled"', "'told_settled' was renamed: write aux_settled."),
        ('metric = "psnr_hole"', 'metric = "psnr_hol"', "'psnr_hol' is not a metric. Did you mean 'psnr_hole'?"),
        ('metric = "repeat_l1"', 'metric = "repeat_l2"', "'repeat_l2' is not a metric. Did you mean 'repeat_l1'?"),
        ('metric = "repeat_l1"', 'metric = "aux_settled"', "'aux_settled' has no better direction, so nothing can be"),
        ('metric = "psnr_hole"', 'metric = "psnr_pooled"', "'psnr_pooled' is one number for all images together;"),
        ('with = "hole_share"', 'with = "hole"', "claims.3.with: 'hole' is not a metric."),
        ('with = "hole_share"', 'with = "hole_shar"', "Did you mean 'hole_share'?"),
        ("below = 0.01", "", "claims.0.kind: a bound needs one of the keys below and above"),
        ("below = 0.01", "below = 1\nabove = 2", "a bound needs one of the keys below and above"),
        ('against = "variant:default"', "", "claims.1.check: 'vanishes' needs the key below, or against and share"),
        (
            'against = "variant:default"',
            'against = "variant:x"',
            "claims.1.against: 'x' is not a variant of this paper.",
        ),
        ("flat = 0.1", "", "claims.2.check: 'settles' needs the keys share and flat, and no other value"),
        ("flat = 0.1", "flat = 0.1\nbelow = 1", "'settles' needs the keys share and flat, and no other value"),
        ("tail = 0.2", "tail = 1.0", "claims.2.tail: must be less than 1, not 1.0."),
        ('of = "method:rival"', 'of = "best floor"', "'best floor' cannot be measured; write variant:NAME or method:"),
        ("falls = true", "fall = true", "claims.3.fall: unknown key 'fall'. Did you mean 'falls'?"),
        ('with = "hole_share"', 'along = "psnr"', "claims.3.along: unknown key 'along'."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, old, new, told):
    assert MORE.count(old) == 1
    with pytest.raises(UserError) as caught:
        read(tmp_path, GOOD + MORE.replace(old, new))
    text = str(caught.value)
    assert told in text
    assert "\n" not in text
    assert f"{tmp_path / 'paper.toml'}, line " in text


def test_unknown_probes_are_told(tmp_path):
    probing = 'resolution = 256\nprobes = ["repeat", "shake"]'
    with pytest.raises(UserError, match=r"probes\.1: must be 'repeat', 'perturb' or 'best_of', not 'shake'"):
        read(tmp_path, TEXT.replace("resolution = 256", probing))
    good = read(tmp_path, TEXT.replace("resolution = 256", 'resolution = 256\nprobes = ["repeat"]\nprobe_images = 4'))
    assert (good.scales["paper"].protocol.probes, good.scales["paper"].protocol.probe_images) == (["repeat"], 4)
