"""The cards of papers say how many statements, claims and readings there are; the numbers are those of paper.toml."""

import re
from pathlib import Path

import pytest

from bench.contract.reach import reach
from bench.methods.catalog import find
from bench.paper import Judgement, read_paper

PAPERS = Path(__file__).resolve().parents[2] / "papers"


@pytest.mark.parametrize("key", ["chandak2019", "hayrapetyan2017", "huang2022"])
def test_the_card_counts_as_the_file_does(key):
    claims = read_paper(PAPERS / key / "paper.toml").claims
    checked = [claim for claim in claims if not isinstance(claim, Judgement)]
    readings = sum(claim.is_reading for claim in checked)
    others = sum(bool(claim.alternative_to) for claim in checked)
    counts = [len(claims) - others, len(claims), len(checked) - readings, readings, others, len(claims) - len(checked)]
    card = (PAPERS / key / "README.md").read_text()
    row = re.search(r"^\| statements in the text .*\n\|[-|]+\n(.*)$", card, re.MULTILINE)
    assert row is not None
    assert [int(number) for number in re.findall(r"\d+", row[1])] == counts


@pytest.mark.parametrize("key", ["chandak2019", "hayrapetyan2017", "huang2022", "yeh2017"])
def test_nothing_measurable_is_out_of_reach_at_scale_paper(key):
    catalog = find()
    assert reach(catalog[key], catalog)["paper"] == []
