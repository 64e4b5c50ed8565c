"""The paper.toml of hayrapetyan2017: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Wins, read_paper
from papers.hayrapetyan2017.method import METHOD
from papers.hayrapetyan2017.settings import HayrapetyanSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "hayrapetyan2017"
PAPER = read_paper(FOLDER / "paper.toml")


def settings(scale: str, variant: str = DEFAULT) -> HayrapetyanSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, HayrapetyanSettings)
    return built


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
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
    assert (printed.srgan_learning_rate, printed.sr_discriminator_learning_rate) == (1e-4, 1e-4)
    assert printed.srresnet_drop_at == 1
    assert printed.search_resolution == 64
    # CelebA's training part: 25 epochs in batches of 128.
    assert printed.epochs * 162_770 // printed.batch_size == 31_791


def test_lambda_arms_differ_in_lambda_alone() -> None:
    default = settings("paper")
    for name, value in (("lambda_0001", 0.001), ("lambda_0003", 0.003)):
        assert settings("paper", name) == default.model_copy(update={"prior_weight": value})
    one, other = settings("paper", "mean_reduction"), settings("paper", "mean_reduction_lambda_0001")
    assert other == one.model_copy(update={"prior_weight": 0.001})


@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_variants_of_a_scale_share_its_training(scale: str) -> None:
    for name in PAPER.scales[scale].variants:
        default, other = settings(scale).model_dump(), settings(scale, name).model_dump()
        assert {key for key in default if default[key] != other[key]} <= METHOD.after_training


def test_every_section_with_claims_is_there() -> None:
    sections = {part.strip() for claim in PAPER.claims for part in claim.section.split(",")}
    assert {"title", "abstract", "1", "3", "4", "5.2", "6", "7"} <= sections


def test_most_cases_is_a_share_of_pictures() -> None:
    claims = [claim for claim in PAPER.claims if claim.id.startswith("lambda")]
    assert all(isinstance(claim, Wins) and claim.share == 0.5 for claim in claims)
    assert {claim.id for claim in claims} == {"lambda", "lambda-looks", "lambda-mean"}


def test_a_context_weight_is_held_against_none() -> None:
    """Not against the misprinted formula, which no author would defend."""
    claim = next(claim for claim in PAPER.claims if claim.id == "weighted-context")
    assert claim.sides == ("variant:default", "variant:unweighted")
    assert settings("paper", "unweighted") == settings("paper").model_copy(update={"context": "none"})
