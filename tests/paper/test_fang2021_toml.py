"""The paper.toml of fang2021: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

from bench.data.protocol import protocols
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.metrics import DEFINITIONS
from bench.paper import Arithmetic, Cell, Order, read_paper
from papers.fang2021.method import METHOD
from papers.fang2021.settings import FangSettings

FOLDER = Path(__file__).resolve().parents[2] / "papers" / "fang2021"
PAPER = read_paper(FOLDER / "paper.toml")


def settings(scale: str, variant: str = DEFAULT) -> FangSettings:
    built = build(METHOD.settings_class, overrides(PAPER, scale, variant), f"{scale}, {variant}")
    assert isinstance(built, FangSettings)
    return built


def test_paper_scale_is_the_method_as_printed() -> None:
    printed = settings("paper")
    assert (printed.learning_rate, printed.beta1, printed.batch_size, printed.epochs) == (5e-4, 0.5, 2, 40)
    (protocol,) = protocols("paper", PAPER.scales["paper"].protocol)
    assert (protocol.data, protocol.resolution, protocol.test_images) == ("imagenet", 256, 300)
    train = protocol.images * protocol.split[0] // sum(protocol.split)
    assert train == 25_000
    assert printed.all_steps(train) == 500_000
    assert settings("paper", "epoch_of_all_batches").all_steps(train) == 500_000 // 6


def test_other_rows_name_methods_that_can_be_run_beside_it() -> None:
    rows = PAPER.tables["table1"].rows
    assert {key: row.method for key, row in rows.items()} == {"ca": "ca", "picn": "picnet", "ours": ""}
    floors = {"criminisi", "harmonic", "mean_fill"}
    assert set(PAPER.methods) == {"ca", "picnet", "shift_net"} | floors <= set(find().entries)
    for scale in ("smoke", "quick"):  # a plain `reproduce` runs none
        assert not PAPER.baselines_at(scale)


def test_table_1_is_scored_as_its_section_says() -> None:
    table = PAPER.tables["table1"]
    own = table.protocols[table.rows["ours"].protocol]
    assert (own.scored, own.images, own.split) == ("raw", 300, "held out")
    columns = {DEFINITIONS[column.metric].scored for column in table.columns.values()}
    assert columns == {"raw"}
    for row in ("ca", "picn"):
        assert ("best of 50" in table.protocols[table.rows[row].protocol].note) == (row == "picn")


def test_orders_of_table_1_are_those_that_it_prints() -> None:
    rows = PAPER.tables["table1"].rows
    of = {"variant:default": "ours"} | {f"method:{row.method}": key for key, row in rows.items() if row.method}
    orders = [claim for claim in PAPER.claims if isinstance(claim, Order) and "Table 1" in claim.section]
    stated = [claim for claim in orders if claim.basis == "stated"]
    assert {(of[claim.better], of[claim.worse], claim.metric) for claim in stated} == {
        ("ours", "ca", "l1_raw"),
        ("ours", "picn", "l1_raw"),
        ("ours", "ca", "psnr_raw"),
        ("picn", "ours", "psnr_raw"),
    }
    for claim in stated:
        better, worse = (rows[of[side]].cells[claim.metric.removesuffix("_raw")].value for side in claim.sides)
        assert (better < worse) == (claim.metric == "l1_raw")
    assert all(claim.mask_sets == ["random"] for claim in orders)
    assert {claim.metric for claim in orders} == {"l1_raw", "psnr_raw", "tv_raw", "l1", "psnr"}


def test_what_is_said_of_the_centre_is_tested_there() -> None:
    named = {claim.id: claim for claim in PAPER.claims if isinstance(claim, Order)}
    for key in ("ca-structure", "ca-colour", "sh-structure", "sh-blurred", "centre-hole"):
        assert named[key].mask_sets == ["center"]


def test_one_size_is_one_square() -> None:
    quick = settings("quick", "one_size").holes()
    assert quick.sides(64, 64) == (32, 32)
    assert settings("quick").holes().sides(64, 64) == (24, 32)


def test_every_section_with_claims_is_there() -> None:
    sections = {part.strip() for claim in PAPER.claims for part in claim.section.split(",")}
    assert {"abstract", "1", "3", "3.1", "3.2", "3.3", "4", "4.1", "4.2", "5"} <= sections
    assert sum(isinstance(claim, Cell) for claim in PAPER.claims) == 3
    assert {claim.check for claim in PAPER.claims if isinstance(claim, Arithmetic)} == {"one scale", "best in columns"}
