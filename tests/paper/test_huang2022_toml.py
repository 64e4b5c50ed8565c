"""The paper.toml of huang2022: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from bench.data.split import as_given
from bench.masks.sets import MASK_SETS
from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Arithmetic, Judgement, Order, read_paper
from bench.paper.arithmetic import check
from bench.paper.claims import Bound, Trace, Trend
from bench.protocol import protocols
from papers.huang2022.method import METHOD
from papers.huang2022.settings import HuangSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "huang2022"
PAPER = read_paper(FOLDER / "paper.toml")
SCALES, VARIANTS = list(PAPER.scales), [DEFAULT, *PAPER.variants]
CLAIMS = {claim.id: claim for claim in PAPER.claims}


def settings(scale: str, variant: str = DEFAULT) -> HuangSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, HuangSettings)
    return built


@pytest.mark.parametrize("scale", ["smoke", "quick"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_builds_at_every_scale(scale: str, variant: str) -> None:
    for protocol in protocols(scale, PAPER.scales[scale].protocol):
        assert len(METHOD(settings(scale, variant), DataFacts(protocol.resolution, 40)).stages()) == 1


@pytest.mark.parametrize("scale", SCALES)
def test_every_variant_differs_from_the_default(scale: str) -> None:
    assert [name for name in PAPER.variants if settings(scale, name) == settings(scale)] == []


@pytest.mark.parametrize("scale", SCALES)
def test_variants_of_a_scale_share_the_default_s_networks(scale: str) -> None:
    assert PAPER.scales[scale].variants == ["no_search", "poisson"]
    for name in PAPER.scales[scale].variants:
        changed = settings(scale, name).model_dump().items() - settings(scale).model_dump().items()
        assert {key for key, _ in changed} <= METHOD.after_training


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
    assert printed == METHOD.settings_class()
    assert (printed.learning_rate, printed.epochs, printed.training_images, printed.g_steps) == (2e-4, 1000, 3000, 2)


def test_paper_scale_has_the_images_that_are_said() -> None:
    (protocol,) = protocols("paper", PAPER.scales["paper"].protocol)
    assert (protocol.data, protocol.resolution) == ("celeba", 64)
    ids = [f"{index:06d}" for index in range(1, 202_600)]
    split = as_given(ids[:162_770], ids[182_637:], 19_867, protocol)
    assert len(split.test) == 605
    assert len(split.train) >= settings("paper").training_images


def test_bibliography() -> None:
    about = PAPER.paper
    assert (len(about.authors), about.year, about.year_inferred) == (2, 2022, True)
    assert len(about.summary.strip().splitlines()) == 5


def test_table_2_as_printed_and_what_it_says_by_itself() -> None:
    table = PAPER.tables["table2"]
    cells = {name: str(cell) for name, cell in table.rows["ours"].cells.items()}
    counts, shares = list(cells.values())[::2], list(cells.values())[1::2]
    assert (counts, shares) == (["603", "376", "442", "74"], ["99", "62", "73", "12"])
    assert [column.unit for column in table.columns.values()] == ["images", "%"] * 4
    assert not any(column.metric for column in table.columns.values())
    results = {claim.id: check(claim, PAPER) for claim in PAPER.claims if isinstance(claim, Arithmetic)}
    assert results["table2-shares"].verdict == "supported"
    for part in ("603 is 99.67 % (printed 99)", "62.15", "73.06", "12.23", "Cut to whole digits, not rounded."):
        assert part in results["table2-shares"].why
    assert results["table2-exclusive"].verdict == "contradicted"
    assert "at least 213" in results["table2-exclusive"].why


def test_no_metric_stands_in_for_people() -> None:
    judged = [claim for claim in PAPER.claims if claim.section == "4, Table 2" and not isinstance(claim, Arithmetic)]
    assert [claim.id for claim in judged] == ["human", "traces", "unseen", "obvious"]
    assert all(isinstance(claim, Judgement) for claim in judged)


def test_ledger_is_whole() -> None:
    assert [entry.id for entry in PAPER.ledger] == [f"H{number}" for number in range(1, 22)]
    assert all(entry.why for entry in PAPER.ledger if entry.cls != "stated")
    classes = {entry.id: entry.cls for entry in PAPER.ledger}
    assert [key for key, value in classes.items() if value == "stated"] == ["H1", "H7", "H11", "H14", "H21"]
    assert [key for key, value in classes.items() if value == "contradictory"] == ["H2", "H3", "H15", "H19"]


def test_claims_are_held_to_something() -> None:
    for claim in PAPER.claims:
        if isinstance(claim, Order):
            assert claim.margin > 0
        if isinstance(claim, Order | Bound | Trend):
            assert set(claim.mask_sets) <= set(MASK_SETS)
            for scale in SCALES:
                for protocol in protocols(scale, PAPER.scales[scale].protocol):
                    assert set(claim.mask_sets) <= set(protocol.mask_sets)
        assert isinstance(claim, Judgement | Arithmetic) or claim.note


def test_its_own_step_is_tested_by_the_curve_of_the_discriminator() -> None:
    claim = CLAIMS["critic-vanishes"]
    assert isinstance(claim, Trace)
    assert (claim.of, claim.against, claim.stage, claim.scalar) == (
        "variant:g_steps_1",
        "variant:default",
        "dcgan",
        "discriminator",
    )
    assert (claim.check, claim.below, claim.share, claim.tail) == ("vanishes", 0.1, 0.5, 0.1)
    assert settings("paper", "g_steps_1").g_steps == 1


def test_every_variant_is_used_and_every_method_exists() -> None:
    used = {name for entry in PAPER.ledger for name in entry.variants}
    sides = {side for claim in PAPER.claims for side in claim.sides}
    assert set(PAPER.variants) <= used | {side.removeprefix("variant:") for side in sides}
    keys = {side.removeprefix("method:") for side in sides if side.startswith("method:")}
    assert keys == {"context_encoder"}
    assert keys <= set(find().entries)
    assert PAPER.scales["quick"].baselines == ["context_encoder"]


def test_the_card_names_every_part_a_reader_needs() -> None:
    card = (FOLDER / "README.md").read_text()
    for part in ("in five lines", "What is unclear", "What it costs", "Commands", "Status", "python -m bench show"):
        assert part in card
    for line in PAPER.paper.summary.strip().splitlines():
        assert line in card
