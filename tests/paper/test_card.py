"""The card in the terminal."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from invented import paper as invented_paper
from rich.console import Console

from bench.data.protocol import ProtocolOverrides
from bench.paper import Paper, read_paper
from bench.paper.card import print_card

FANG = Path(__file__).resolve().parents[2] / "papers" / "fang2021" / "paper.toml"


def card(paper: Paper, key: str = "fang2021", width: int = 100) -> str:
    out = io.StringIO()
    print_card(paper, key, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.fixture(scope="module")
def fang() -> Paper:
    return read_paper(FANG)


def test_everything_is_on_the_card(fang: Paper) -> None:
    text = card(fang, width=200)
    for name in [c.id for c in fang.claims] + [e.id for e in fang.ledger] + [*fang.variants] + [*fang.scales]:
        assert name in text
    whole = flat(text)
    for part in (fang.paper.title, fang.paper.doi, *fang.paper.authors, "[17]", "500 000 generator steps"):
        assert part in whole


def test_the_mix_up_is_told(fang: Paper) -> None:
    lines = [" ".join(line.split()) for line in card(fang).splitlines()]
    assert "CA 13.57 % 19.22 dB 19.55 % 124.05 A" in lines
    assert "PICN 12.91 % 20.10 dB 12.18 % 130.59 A" in lines
    assert "Our method 8.2 % 19.32 dB 25.6 % 75.83 B" in lines
    whole = flat(card(fang))
    assert "The rows lie on 2 scales: Our method 75.83; CA 124.05 and PICN 130.59." in whole
    assert "PSNR compared with CA alone" in whole
    assert "TV loss to count as 'higher is better'" in whole
    assert "12.91 is above that" in whole


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(fang: Paper, width: int) -> None:
    assert max(len(line) for line in card(fang, width=width).splitlines()) <= width


def test_numbers_are_not_broken_over_lines(fang: Paper) -> None:
    text = card(fang)
    assert text.count("500\N{NO-BREAK SPACE}000") >= 4
    assert "500 000" not in text


def test_commands_use_the_key(fang: Paper) -> None:
    text = card(fang, key="mine", width=120)
    assert "python -m bench reproduce mine --scale paper --data imagenet=PATH" in text
    assert "reproduce fang2021" not in text


def test_a_paper_with_little(fang: Paper) -> None:
    bare = fang.model_copy(update={"tables": {}, "claims": [], "ledger": [], "variants": {}})
    text = card(bare)
    assert "Reported by the paper" not in text
    assert "--variant" not in text


def test_a_baselines_card_has_no_claims_and_nothing_to_reproduce(fang: Paper) -> None:
    out = io.StringIO()
    bare = fang.model_copy(update={"claims": [], "ledger": []})
    print_card(bare, "mine", Console(file=out, width=100, color_system=None), reproducible=False)
    text = out.getvalue()
    assert "Claims" not in text
    assert "Ledger" not in text
    assert "python -m bench evaluate mine --scale smoke" in text
    assert "reproduce mine" not in text


def test_what_runs_beside_a_scale_is_on_the_card(fang: Paper) -> None:
    quick = fang.scales["quick"].model_copy(update={"variants": ["no_gan"], "baselines": ["yeh2017"]})
    assert "`reproduce` runs too: variant no_gan, yeh2017" in flat(
        card(fang.model_copy(update={"scales": {"quick": quick, "paper": fang.scales["paper"]}}), width=200)
    )


def test_a_table_without_a_scale_claim_has_no_k(fang: Paper) -> None:
    bare = fang.model_copy(update={"claims": [claim for claim in fang.claims if claim.kind != "arithmetic"]})
    text = card(bare)
    assert "13.57 %" in text
    assert "124.05" not in text.split("Ledger")[0].split("Where the rows")[0]


def test_no_torch_is_loaded() -> None:
    code = "import sys, bench.paper.card, bench.paper.arithmetic, bench.paper; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=FANG.parents[2])


def test_claims_about_runs_and_probes_are_on_the_card() -> None:
    made = invented_paper()
    probing = made.scales["quick"].model_copy(
        update={"protocol": ProtocolOverrides(probes=["repeat", "perturb"], probe_images=24)}
    )
    text = flat(card(made.model_copy(update={"scales": made.scales | {"quick": probing}}), width=400))
    assert "bound: mean PSNR of default above 20 dB on random" in text
    assert "trace: size of critic of default in stage adversarial" in text
    assert "trend: PSNR of default falls with the hole's share" in text
    assert text.count("probes repeat, perturb: the first 24") == 1


def test_a_verdict_on_a_reading_says_that_it_is_one(fang: Paper) -> None:
    text = flat(card(fang))
    assert "• contradicted under our reading: The three rows of Table 1 can be compared" in text
    assert "• contradicted: It is ahead of every other method in two" in text
