"""The paper.toml of fang2021: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from bench.masks.sets import MASK_SETS
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.metrics.definitions import DEFINITIONS
from bench.paper import Arithmetic, Cell, Order, read_paper
from bench.protocol import protocols
from papers.fang2021.method import METHOD
from papers.fang2021.networks import check_resolution
from papers.fang2021.settings import FangSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "fang2021"
PAPER = read_paper(FOLDER / "paper.toml")
SCALES, VARIANTS = list(PAPER.scales), [DEFAULT, *PAPER.variants]


def settings(scale: str, variant: str = DEFAULT) -> FangSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, FangSettings)
    return built


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_fits_every_scale(scale: str, variant: str) -> None:
    built = settings(scale, variant)
    for protocol in protocols(scale, PAPER.scales[scale].protocol):
        check_resolution(built, protocol.resolution)


@pytest.mark.parametrize("scale", SCALES)
def test_every_variant_differs_from_the_default(scale: str) -> None:
    same = {name for name in PAPER.variants if settings(scale, name) == settings(scale)}
    expected = {"smoke": {"epoch_of_all_batches"}, "quick": {"epoch_of_all_batches", "n_critic_1"}, "paper": set()}
    assert same <= expected[scale]


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
    assert printed == METHOD.settings_class()
    assert (printed.learning_rate, printed.beta1, printed.batch_size, printed.epochs) == (5e-4, 0.5, 2, 40)
    (protocol,) = protocols("paper", PAPER.scales["paper"].protocol)
    assert (protocol.data, protocol.resolution, protocol.test_images) == ("imagenet", 256, 300)
    train = protocol.images * protocol.split[0] // sum(protocol.split)
    assert train == 25_000
    assert printed.all_steps(train) == 500_000
    assert settings("paper", "epoch_of_all_batches").all_steps(train) == 500_000 // 6


def test_bibliography() -> None:
    about = PAPER.paper
    assert about.doi == "10.32604/csse.2022.020176"
    assert len(about.authors) == 5
    assert (about.year, about.year_inferred) == (2021, True)
    assert len(about.summary.strip().splitlines()) == 5


def test_table_1_as_printed() -> None:
    rows = PAPER.tables["table1"].rows
    printed = {key: [str(row.cells[name]) for name in ("l1", "psnr", "tv")] for key, row in rows.items()}
    assert printed == {
        "ca": ["13.57", "19.22", "19.55"],
        "picn": ["12.91", "20.10", "12.18"],
        "ours": ["8.2", "19.32", "25.6"],
    }
    assert [key for key, row in rows.items() if row.ours] == ["ours"]
    assert all("a person should open arXiv 1903.04227" in rows[key].origin for key in ("ca", "picn"))
    assert rows["ca"].protocol == rows["picn"].protocol != rows["ours"].protocol


def test_other_rows_name_methods_that_can_be_run_beside_it() -> None:
    rows = PAPER.tables["table1"].rows
    assert {key: row.method for key, row in rows.items()} == {"ca": "ca", "picn": "picnet", "ours": ""}
    assert set(PAPER.methods) == {"ca", "picnet"} <= set(find().entries)
    assert not any(scale.baselines for scale in PAPER.scales.values())  # a plain `reproduce` runs neither


def test_ledger_is_whole() -> None:
    assert [e.id for e in PAPER.ledger] == [*(f"F-S{n}" for n in range(1, 13)), *(f"F-{n}" for n in range(1, 32))]
    assert all((entry.cls == "stated") == entry.id.startswith("F-S") for entry in PAPER.ledger)
    assert all(entry.why for entry in PAPER.ledger if entry.cls != "stated")


def test_claims_name_metrics_and_mask_sets_that_exist() -> None:
    for claim in PAPER.claims:
        if isinstance(claim, Order):
            assert claim.metric in DEFINITIONS
            assert set(claim.mask_sets) <= set(MASK_SETS)
            assert claim.margin > 0
            assert claim.note
        if isinstance(claim, Cell):
            assert claim.mask_set in MASK_SETS
            assert claim.note
    for column in PAPER.tables["table1"].columns.values():
        assert column.metric in DEFINITIONS


def test_claims_are_judged_on_mask_sets_of_every_scale() -> None:
    needed = {mask_set for claim in PAPER.claims if isinstance(claim, Order) for mask_set in claim.mask_sets}
    needed |= {claim.mask_set for claim in PAPER.claims if isinstance(claim, Cell)}
    for scale in SCALES:
        for protocol in protocols(scale, PAPER.scales[scale].protocol):
            assert needed <= set(protocol.mask_sets)


def test_every_section_with_claims_is_there() -> None:
    sections = {part.strip() for claim in PAPER.claims for part in claim.section.split(",")}
    assert {"abstract", "1", "3", "3.1", "3.2", "3.3", "4", "4.1", "4.2", "5"} <= sections
    assert sum(isinstance(claim, Cell) for claim in PAPER.claims) == 3
    assert {claim.check for claim in PAPER.claims if isinstance(claim, Arithmetic)} == {"one scale", "best in columns"}


def test_every_variant_is_used() -> None:
    used = {name for entry in PAPER.ledger for name in entry.variants}
    sides = [side for claim in PAPER.claims if isinstance(claim, Order) for side in (claim.better, claim.worse)]
    used |= {side.removeprefix("variant:") for side in sides}
    assert set(PAPER.variants) <= used


def test_the_card_names_every_part_a_reader_needs() -> None:
    card = (FOLDER / "README.md").read_text()
    for part in ("in five lines", "What is unclear", "What it costs", "Commands", "Status", "python -m bench show"):
        assert part in card
