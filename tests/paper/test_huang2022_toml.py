"""The paper.toml of huang2022: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from bench.data.protocol import protocols
from bench.data.split import as_given
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Arithmetic, Judgement, read_paper
from bench.paper.arithmetic import check
from bench.paper.claims import Trace
from papers.huang2022.method import METHOD
from papers.huang2022.settings import HuangSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "huang2022"
PAPER = read_paper(FOLDER / "paper.toml")
CLAIMS = {claim.id: claim for claim in PAPER.claims}


def settings(scale: str, variant: str = DEFAULT) -> HuangSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, HuangSettings)
    return built


@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_variants_of_a_scale_share_the_default_s_networks(scale: str) -> None:
    for name in PAPER.scales[scale].variants:
        changed = settings(scale, name).model_dump().items() - settings(scale).model_dump().items()
        assert {key for key, _ in changed} <= METHOD.after_training


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
    assert (printed.learning_rate, printed.epochs, printed.training_images, printed.g_steps) == (2e-4, 1000, 3000, 2)


def test_paper_scale_has_the_images_that_are_said() -> None:
    (protocol,) = protocols("paper", PAPER.scales["paper"].protocol)
    assert (protocol.data, protocol.resolution) == ("celeba", 64)
    ids = [f"{index:06d}" for index in range(1, 202_600)]
    split = as_given(ids[:162_770], ids[182_637:], 19_867, protocol)
    assert len(split.test) == 605
    assert len(split.train) == settings("paper").training_images  # so rivals have no more


def test_what_table_2_says_by_itself() -> None:
    table = PAPER.tables["table2"]
    assert not any(column.metric for column in table.columns.values())
    results = {claim.id: check(claim, PAPER) for claim in PAPER.claims if isinstance(claim, Arithmetic)}
    assert results["table2-shares"].verdict == "supported"
    for part in ("603 is 99.67 % (printed 99)", "62.15", "73.06", "12.23", "Truncated to whole digits, not rounded."):
        assert part in results["table2-shares"].why
    assert results["table2-exclusive"].verdict == "contradicted"
    assert "at least 213" in results["table2-exclusive"].why


def test_no_metric_stands_in_for_people() -> None:
    judged = [claim for claim in PAPER.claims if claim.section == "4, Table 2" and not isinstance(claim, Arithmetic)]
    assert [claim.id for claim in judged] == ["human", "traces", "unseen", "obvious"]
    assert all(isinstance(claim, Judgement) for claim in judged)


def test_its_own_step_is_tested_by_the_curve_of_the_discriminator() -> None:
    claim = CLAIMS["critic-vanishes"]
    assert isinstance(claim, Trace)
    assert (claim.of, claim.against, claim.stage, claim.scalar) == (
        "variant:g_steps_1",
        None,  # the sentence speaks of one step alone
        "dcgan",
        "discriminator",
    )
    assert (claim.check, claim.below, claim.tail) == ("vanishes", 0.1, 0.1)
    cure = CLAIMS["two-steps-hold"]
    assert isinstance(cure, Trace)
    assert (cure.of, cure.against, cure.share, cure.below) == ("variant:g_steps_1", "variant:default", 0.5, None)
    assert settings("paper", "g_steps_1").g_steps == 1


def test_what_others_cannot_do_is_asked_of_others() -> None:
    """Section 1 and Table 1 speak of other methods: no claim on them names this paper's own in their place."""
    sides = {key: set(CLAIMS[key].sides) for key in ("large-areas", "ce-any-area", "ce-blurs", "pde-small-holes")}
    assert sides == {
        "large-areas": {"method:context_encoder", "best floor"},
        "ce-any-area": {"method:context_encoder", "method:mean_fill"},
        "ce-blurs": {"method:context_encoder"},
        "pde-small-holes": {"method:navier_stokes"},
    }
