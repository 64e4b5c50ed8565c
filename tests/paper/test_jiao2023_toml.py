"""The paper.toml of jiao2023: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from bench.data.protocol import protocols
from bench.data.split import as_given, by_hash
from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Cell, Order, read_paper
from papers.jiao2023.method import METHOD
from papers.jiao2023.settings import JiaoSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "jiao2023"
PAPER = read_paper(FOLDER / "paper.toml")
CLAIMS = {claim.id: claim for claim in PAPER.claims}


def settings(scale: str, variant: str = DEFAULT) -> JiaoSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, JiaoSettings)
    return built


@pytest.mark.parametrize("variant", [DEFAULT, *PAPER.variants])
def test_every_variant_builds_and_trains_by_its_phases(variant: str) -> None:
    for scale in ("smoke", "quick"):
        stages = METHOD(settings(scale, variant), DataFacts(64, 40)).stages()
        names = ["completion"] if variant == "no_gan" else ["completion", "discrimination", "joint"]
        assert [stage.name for stage in stages] == names


def test_no_two_variants_are_one_at_paper_scale() -> None:
    dumps = [settings("paper", name).model_dump_json() for name in PAPER.variants]
    assert len(set(dumps)) == len(dumps)


def test_paper_scale_is_the_method_as_read() -> None:
    read = settings("paper")
    assert (read.completion_steps, read.critic_steps, read.joint_steps, read.batch_size) == (
        90_000,
        10_000,
        400_000,
        96,
    )
    assert (read.gated, read.skips, read.critic_norm, read.fc_in) == ("table", "add", "spectral", "flatten")
    assert (read.gan_input, read.gan_weight, read.known_weight, read.holes) == ("composite", 4e-4, 0.0, "three_kinds")
    (protocol,) = protocols("paper", PAPER.scales["paper"].protocol)
    assert (protocol.data, protocol.resolution) == ("celeba", 160)
    ids = [f"{index:06d}" for index in range(1, 202_600)]
    official, drawn = as_given(ids[:162_770], ids[182_637:], 19_867, protocol), by_hash(ids, protocol)
    assert (len(official.train), len(official.test)) == (162_770, 19_962)
    assert (len(drawn.train), len(drawn.test)) == (180_000, 20_000)


def test_baselines_train_under_this_paper_s_protocol() -> None:
    for scale in ("smoke", "quick"):
        assert PAPER.scales[scale].variants == ["gated_none", "sn_off", "skips_none"]
        assert PAPER.scales[scale].baselines == ["context_encoder", "glcic", "pconv"]
    assert set(PAPER.methods) == {"context_encoder", "glcic", "pconv"} <= set(find().entries)


def test_quick_gives_both_sides_the_same_holes_and_steps() -> None:
    other = read_paper(FOLDER.parents[1] / "baselines" / "glcic" / "paper.toml").scales["quick"]
    assert other.settings == PAPER.scales["quick"].settings


def test_its_own_three_parts_are_each_left_out() -> None:
    three = ["center", "random", "irregular"]
    for key, variant in (("gated-better", "gated_none"), ("sn-better", "sn_off"), ("skips-better", "skips_none")):
        claim = CLAIMS[key]
        assert isinstance(claim, Order)
        assert (claim.better, claim.worse, claim.mask_sets) == ("variant:default", f"variant:{variant}", three)
        changed = settings("paper", variant).model_dump().items() - settings("paper").model_dump().items()
        assert len(changed) == 1


def test_both_cells_and_every_rival_are_claimed() -> None:
    cells = [claim for claim in PAPER.claims if isinstance(claim, Cell)]
    assert {(claim.row, claim.column, claim.mask_set) for claim in cells} == {
        ("ours", "psnr", "center"),
        ("ours", "ssim", "center"),
    }
    rivals = {(c.worse, c.metric) for c in PAPER.claims if isinstance(c, Order) and c.worse.startswith("method:")}
    assert rivals == {
        (f"method:{key}", m) for key in ("context_encoder", "glcic", "pconv") for m in ("psnr", "ssim_u7")
    }
