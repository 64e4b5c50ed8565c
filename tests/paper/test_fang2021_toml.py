"""The paper.toml of fang2021: complete, and in step with the method, the metrics and the mask sets."""

from pathlib import Path

from bench.data.protocol import protocols
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import Arithmetic, Cell, read_paper
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
    assert set(PAPER.methods) == {"ca", "picnet"} <= set(find().entries)
    for scale in ("smoke", "quick"):  # a plain `reproduce` runs neither
        assert not {"ca", "picnet"} & set(PAPER.baselines_at(scale))


def test_every_section_with_claims_is_there() -> None:
    sections = {part.strip() for claim in PAPER.claims for part in claim.section.split(",")}
    assert {"abstract", "1", "3", "3.1", "3.2", "3.3", "4", "4.1", "4.2", "5"} <= sections
    assert sum(isinstance(claim, Cell) for claim in PAPER.claims) == 3
    assert {claim.check for claim in PAPER.claims if isinstance(claim, Arithmetic)} == {"one scale", "best in columns"}
