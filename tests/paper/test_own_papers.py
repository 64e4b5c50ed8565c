"""Rules of this repository's own papers, beyond the contract that every paper.toml keeps."""

import re

import pytest

from bench.contract.reach import measured, reach
from bench.methods.catalog import find
from bench.paper import Judgement, Order

CATALOG = find()
PAPERS = [entry.key for entry in CATALOG.papers if entry.origin == "papers"]
FEED_FORWARD = ["fang2021", "jiao2023"]


@pytest.mark.parametrize("key", PAPERS)
def test_margins_are_positive_and_claims_say_why(key):
    for claim in measured(CATALOG[key].paper()):
        assert claim.note, claim.id
        assert not isinstance(claim, Order) or claim.margin > 0, claim.id


@pytest.mark.parametrize("key", PAPERS)
def test_every_scale_has_the_mask_sets_and_probes_of_its_claims(key):
    for gaps in reach(CATALOG[key], CATALOG).values():
        assert not [gap for gap in gaps if "mask set" in gap.why or "probe" in gap.why]


@pytest.mark.parametrize("key", PAPERS)
def test_the_card_names_every_part_a_reader_needs(key):
    card = (CATALOG[key].path / "README.md").read_text()
    for part in ("in five lines", "What is unclear", "What it costs", "Commands", "Status", "python -m bench show"):
        assert part in card
    assert len(CATALOG[key].paper().paper.summary.strip().splitlines()) == 5


@pytest.mark.parametrize("key", FEED_FORWARD)
def test_another_reading_is_of_the_same_sentence(key):
    claims = {claim.id: claim for claim in CATALOG[key].paper().claims}
    others = {name: claim for name, claim in claims.items() if getattr(claim, "alternative_to", "")}
    assert others
    for claim in others.values():
        first = claims[claim.alternative_to]
        alike = re.sub(r" \([^()]*\)\.$", ".", claim.statement)  # all but what tells the reading
        assert (alike, claim.section) == (first.statement, first.section), claim.id
        assert alike != claim.statement, claim.id
        assert claim.is_reading, claim.id
        assert not first.alternative_to, claim.id
    alone = [claim.statement for name, claim in claims.items() if name not in others]
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize("key", FEED_FORWARD)
def test_the_card_counts_what_paper_toml_holds(key):
    claims = CATALOG[key].paper().claims
    judgements = sum(isinstance(claim, Judgement) for claim in claims)
    readings = sum(claim.is_reading for claim in claims)
    others = sum(bool(getattr(claim, "alternative_to", "")) for claim in claims)
    stated = len(claims) - judgements - readings
    card = (CATALOG[key].path / "README.md").read_text()
    head = "| statements in the text | claims | stated | reading | of these alternative readings | judgements |"
    row = re.search(re.escape(head) + r"\n[|-]+\n\|([\d |]+)\|\n", card)
    assert row, key
    printed = [int(number) for number in row[1].split("|")]
    assert printed == [len(claims) - others, len(claims), stated, readings, others, judgements]


@pytest.mark.parametrize("key", FEED_FORWARD)
def test_scale_paper_answers_all_that_can_be_measured(key):
    assert reach(CATALOG[key], CATALOG)["paper"] == []
