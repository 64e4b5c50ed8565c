"""The paper.toml of hayrapetyan2017: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from bench.masks.sets import MASK_SETS
from bench.methods.settings import DEFAULT, build, overrides
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.probed import PROBED, PROBES
from bench.paper import Bound, Cell, Order, read_paper
from bench.protocol import protocols
from papers.hayrapetyan2017.method import METHOD, check_resolution
from papers.hayrapetyan2017.settings import HayrapetyanSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "hayrapetyan2017"
PAPER = read_paper(FOLDER / "paper.toml")
SCALES, VARIANTS = list(PAPER.scales), [DEFAULT, *PAPER.variants]


def settings(scale: str, variant: str = DEFAULT) -> HayrapetyanSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, HayrapetyanSettings)
    return built


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_fits_every_scale(scale: str, variant: str) -> None:
    built = settings(scale, variant)
    for protocol in protocols(scale, PAPER.scales[scale].protocol):
        check_resolution(built, protocol.resolution)
        assert protocol.resolution > built.search_resolution


@pytest.mark.parametrize("scale", SCALES)
def test_every_variant_differs_from_the_default(scale: str) -> None:
    assert not [name for name in PAPER.variants if settings(scale, name) == settings(scale)]


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
    assert printed == METHOD.settings_class()
    assert (printed.prior_weight, printed.prior, printed.context, printed.window) == (0.1, "saturating", "yeh", 7)
    assert (printed.iterations, printed.search_learning_rate, printed.clip, printed.z_prior) == (
        1500,
        0.01,
        True,
        "uniform",
    )
    assert (printed.width, printed.batch_size, printed.epochs, printed.g_steps) == (128, 128, 25, 1)
    assert (printed.learning_rate, printed.beta1, printed.weight_decay) == (2e-4, 0.5, 1e-5)
    assert (printed.sr_crop, printed.sr_batch_size, printed.sr_learning_rate) == (96, 16, 1e-4)
    assert (printed.srresnet_steps, printed.srgan_steps, printed.sr_adversarial_weight) == (1_000_000, 200_000, 1e-3)
    assert printed.search_resolution == 64
    # CelebA's training part: 25 epochs in batches of 128.
    assert printed.epochs * 162_770 // printed.batch_size == 31_791


def test_lambda_arms_differ_in_lambda_alone() -> None:
    default = settings("paper")
    for name, value in (("lambda_0001", 0.001), ("lambda_0003", 0.003)):
        assert settings("paper", name) == default.model_copy(update={"prior_weight": value})
    one, other = settings("paper", "mean_reduction"), settings("paper", "mean_reduction_lambda_0001")
    assert other == one.model_copy(update={"prior_weight": 0.001})


@pytest.mark.parametrize("scale", SCALES)
def test_variants_of_a_scale_share_its_training(scale: str) -> None:
    for name in PAPER.scales[scale].variants:
        default, other = settings(scale).model_dump(), settings(scale, name).model_dump()
        assert {key for key in default if default[key] != other[key]} <= METHOD.after_training


def test_bibliography() -> None:
    about = PAPER.paper
    assert (about.year, about.year_inferred, len(about.authors)) == (2017, False, 4)
    assert len(about.summary.strip().splitlines()) == 5
    assert not PAPER.tables  # it prints no number


def test_ledger_is_whole() -> None:
    assert [entry.id for entry in PAPER.ledger] == [f"Y{n}" for n in range(1, 20)]
    assert all(entry.why for entry in PAPER.ledger if entry.cls != "stated")


def test_claims_name_metrics_and_mask_sets_that_exist() -> None:
    for claim in PAPER.claims:
        if isinstance(claim, Order | Bound):
            assert claim.metric in DEFINITIONS or claim.metric in PROBED
            assert set(claim.mask_sets) <= set(MASK_SETS)
            assert claim.note
        if isinstance(claim, Order):
            assert claim.margin > 0
        assert not isinstance(claim, Cell)


@pytest.mark.parametrize("scale", SCALES)
def test_claims_are_judged_on_mask_sets_and_probes_of_every_scale(scale: str) -> None:
    measured = [claim for claim in PAPER.claims if isinstance(claim, Order | Bound)]
    metrics = {claim.metric for claim in measured}
    probes = {probe for probe, found in PROBES.items() if metrics & {one.id for one in found}}
    for protocol in protocols(scale, PAPER.scales[scale].protocol):
        assert {mask_set for claim in measured for mask_set in claim.mask_sets} <= set(protocol.mask_sets)
        assert probes <= set(protocol.probes)


def test_every_section_with_claims_is_there() -> None:
    sections = {part.strip() for claim in PAPER.claims for part in claim.section.split(",")}
    assert {"title", "abstract", "1", "3", "4", "5.2", "6", "7"} <= sections


def test_every_variant_is_used() -> None:
    used = {name for entry in PAPER.ledger for name in entry.variants}
    sides = [side for claim in PAPER.claims if isinstance(claim, Order | Bound) for side in claim.sides]
    used |= {side.removeprefix("variant:") for side in sides}
    assert set(PAPER.variants) <= used


def test_the_card_names_every_part_a_reader_needs() -> None:
    card = (FOLDER / "README.md").read_text()
    for part in ("in five lines", "What is unclear", "What it costs", "Commands", "Status", "python -m bench show"):
        assert part in card
