"""Rules of this repository's own papers, beyond the contract that every paper.toml keeps."""

import pytest

from bench.contract.reach import measured, reach
from bench.methods.catalog import find
from bench.paper import Order

CATALOG = find()
PAPERS = [entry.key for entry in CATALOG.papers if entry.origin == "papers"]


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
