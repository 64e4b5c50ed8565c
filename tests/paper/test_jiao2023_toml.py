"""The paper.toml of jiao2023: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

import pytest

from baselines.glcic.settings import GlcicSettings
from bench.data.protocol import protocols
from bench.data.split import as_given, by_hash
from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Cell, Order, Trace, read_paper
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
        names = {"no_gan": ["completion"], "one_phase": ["joint"]}
        assert [stage.name for stage in stages] == names.get(variant, ["completion", "discrimination", "joint"])


def test_no_two_variants_are_one_at_paper_scale() -> None:
    """But for those that say that scale paper has them anyway."""
    dumps = {name: settings("paper", name).model_dump_json() for name in PAPER.variants}
    printed = settings("paper").model_dump_json()
    assert {name for name, dump in dumps.items() if dump == printed} == {"sgd", "holes_shapes"}
    assert len(set(dumps.values())) == len(dumps) - 1


def test_paper_scale_is_the_method_as_read() -> None:
    read = settings("paper")
    assert (read.completion_steps, read.critic_steps, read.joint_steps, read.batch_size) == (
        90_000,
        10_000,
        400_000,
        96,
    )
    assert (read.optimizer, read.learning_rate, read.momentum, read.schedule) == ("sgd", 1e-3, 0.0, "constant")
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


def test_glcic_with_this_paper_s_judge_differs_by_the_completion_network_alone() -> None:
    other = read_paper(FOLDER.parents[1] / "baselines" / "glcic" / "paper.toml")
    judged = GlcicSettings.model_validate(overrides(other, "quick", "jiao_judge")).model_dump()
    mine = settings("quick").model_dump()
    assert {name for name in mine if judged.get(name) != mine[name]} == {"gated", "gate_order", "skips", "activation"}


def test_its_own_three_parts_are_each_left_out() -> None:
    for key, variant in (("gated-better", "gated_none"), ("sn-better", "sn_off"), ("skips-better", "skips_none")):
        claim = CLAIMS[key]
        assert isinstance(claim, Order)
        assert (claim.better, claim.worse, claim.mask_sets) == ("variant:default", f"variant:{variant}", ["center"])
        changed = settings("paper", variant).model_dump().items() - settings("paper").model_dump().items()
        assert len(changed) == 1


def test_stability_is_compared() -> None:
    """The text says more stable, not stable."""
    against = {CLAIMS[key].against for key in ("sn-stable", "sn-stable-batch", "mixture-stable")}  # type: ignore[union-attr]
    assert against == {"variant:sn_off", "variant:critic_batch_norm", "variant:gan_alone"}
    for key in ("sn-stable", "sn-stable-batch", "mixture-stable"):
        claim = CLAIMS[key]
        assert isinstance(claim, Trace)
        assert (claim.of, claim.check, claim.scalar) == ("variant:default", "steadier", "discriminator")


def test_phases_are_left_out_at_equal_steps() -> None:
    def all_steps(variant: str) -> int:
        stages = METHOD(settings("quick", variant), DataFacts(64, 40)).stages()
        return sum(stage.steps for stage in stages)

    assert all_steps("one_phase") == all_steps(DEFAULT)


def test_both_cells_and_every_rival_are_claimed() -> None:
    cells = [claim for claim in PAPER.claims if isinstance(claim, Cell)]
    assert {(claim.row, claim.column, claim.mask_set) for claim in cells} == {
        ("ours", "psnr", "center"),
        ("ours", "ssim", "center"),
    }
    table = [claim for claim in PAPER.claims if isinstance(claim, Order) and "Table 4" in claim.section]
    rivals = ("context_encoder", "glcic", "pconv", "glcic/jiao_judge")
    assert {(claim.worse, claim.metric) for claim in table} == {
        (f"method:{key}", metric) for key in rivals for metric in ("psnr", "ssim_u7")
    }
    assert all(claim.mask_sets == ["center"] for claim in table)  # as the cells
    assert {claim.worse for claim in table if claim.is_reading} == {"method:glcic/jiao_judge"}


def test_orders_of_table_4_are_those_that_it_prints() -> None:
    rows = PAPER.tables["table4"].rows
    of = {row.method: row for row in rows.values() if row.method}
    stated = [claim for claim in PAPER.claims if isinstance(claim, Order) and not claim.is_reading]
    assert len(stated) == 6
    for claim in stated:
        column = claim.metric.removesuffix("_u7")
        assert rows["ours"].cells[column].value > of[claim.worse.removeprefix("method:")].cells[column].value
