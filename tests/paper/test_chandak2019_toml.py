"""The paper.toml of chandak2019: complete, and in step with the method, the metrics and the mask sets."""

import math
from pathlib import Path

import pytest

from bench.data.protocol import protocols
from bench.data.split import as_given, by_hash
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Arithmetic, Bound, Order, read_paper
from bench.paper.arithmetic import check, gain
from papers.chandak2019.method import METHOD
from papers.chandak2019.settings import ChandakSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "chandak2019"
PAPER = read_paper(FOLDER / "paper.toml")
SCALES = list(PAPER.scales)
LENGTHS = {"literal_epochs", "gan_1250_epochs"}
"""Variants that a scale with its own number of steps does not feel."""


def settings(scale: str, variant: str = DEFAULT) -> ChandakSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, ChandakSettings)
    return built


def felt(scale: str, variant: str) -> tuple[object, ...]:
    """Settings, with the lengths of the trainings in place of what they are worked out from."""
    values = settings(scale, variant)
    lengths = values.gan_steps(15_000), values.all_enhancement_steps(15_000)
    return lengths, values.model_dump(exclude={"epochs", "epochs_are", "steps"})


@pytest.mark.parametrize("scale", SCALES)
def test_every_variant_differs_from_the_default(scale: str) -> None:
    same = {name for name in PAPER.variants if felt(scale, name) == felt(scale, DEFAULT)}
    assert same == (set() if scale == "paper" else LENGTHS)


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
    assert (printed.batch_size, printed.iterations, printed.enhancement_images) == (128, 1250, 2000)
    assert (printed.context, printed.reduction, printed.blend, printed.clip) == ("none", "sum", "none", False)
    assert (printed.prior, printed.prior_weight, printed.z_prior) == ("saturating", 0.1, "normal")


def test_paper_scale_has_15_000_and_1000_pictures_either_way() -> None:
    (protocol,) = protocols("paper", PAPER.scales["paper"].protocol)
    assert (protocol.data, protocol.resolution) == ("celeba-hq", 64)
    ids = [f"{index:06d}" for index in range(30_000)]
    official = as_given(ids[:24_183], ids[27_176:], 2_993, protocol)
    assert (len(official.train), len(official.test)) == (15_000, 1_000)
    unknown = by_hash(ids, protocol)
    assert (len(unknown.train), len(unknown.test)) == (15_000, 1_000)


def test_percentages_are_over_ce_alone() -> None:
    """Finding of the printed numbers: +2.4508 % and +4.0596 % over CE, +9.14 % and +6.63 % over PI."""
    figures = {
        (table, row): gain(PAPER.tables[table], "ours", row, column).percent
        for table, column in (("table1", "psnr"), ("table2", "ssim"))
        for row in ("ce", "pi")
    }
    assert figures == {
        ("table1", "ce"): pytest.approx(2.4508, abs=1e-4),
        ("table1", "pi"): pytest.approx(9.14, abs=0.005),
        ("table2", "ce"): pytest.approx(4.0596, abs=1e-4),
        ("table2", "pi"): pytest.approx(6.63, abs=0.005),
    }
    claims = [claim for claim in PAPER.claims if isinstance(claim, Arithmetic)]
    assert [str(claim.percent) for claim in claims] == ["2.45", "4"]
    for claim in claims:
        assert check(claim, PAPER).verdict == "supported"
        over_pi = claim.model_copy(update={"over": "pi"})
        assert check(over_pi, PAPER).verdict == "contradicted"


def test_the_enhancement_is_judged_whole_and_in_the_hole() -> None:
    sides = {"variant:default", "variant:no_enhancement"}
    claims = [claim for claim in PAPER.claims if isinstance(claim, Order) and {claim.better, claim.worse} == sides]
    assert {claim.metric for claim in claims} == {"psnr_raw", "ssim_raw", "psnr_hole", "tv"}
    assert set(PAPER.variants["no_enhancement"].settings) <= METHOD.after_training
    assert "no_enhancement" in PAPER.scales["quick"].variants


def test_every_section_with_claims_is_there() -> None:
    sections = {part.strip() for claim in PAPER.claims for part in claim.section.split(",")}
    assert {"abstract", "1", "2", "3", "3.3", "3.4", "4", "5", "6"} <= sections


def test_the_rivals_of_the_tables_are_the_two_that_it_prints() -> None:
    """Section 5 means CE and PI; for PI, which nobody can run, a stand-in says that it is one."""
    rivals = {claim.id: claim for claim in PAPER.claims if claim.id.startswith("better-than")}
    assert {claim.worse for claim in rivals.values() if isinstance(claim, Order)} == {
        "method:context_encoder",
        "method:yeh2017",
    }
    assert {key for key, claim in rivals.items() if claim.is_reading} == {"better-than-pi", "better-than-pi-ssim"}


def test_bounds_of_the_critic_follow_from_q() -> None:
    """Q log(1 - value) at the values 0.1 and 0.9."""
    bounds = {claim.id: claim for claim in PAPER.claims if isinstance(claim, Bound)}
    q = settings("paper").prior_weight
    assert bounds["critic-starts-low"].above == pytest.approx(q * math.log(0.9), rel=1e-3)
    assert bounds["critic-ends-high"].below == pytest.approx(q * math.log(0.1), rel=1e-3)
    assert all(settings(scale).prior_weight == q for scale in SCALES)
