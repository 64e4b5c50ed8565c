"""What the printed numbers of a table say by themselves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.calibration.planted import spoken
from bench.paper import Arithmetic, Paper, Reported, Table, read_paper
from bench.paper.arithmetic import best_in_columns as standings_of
from bench.paper.arithmetic import bound_notes, check, gain, mae_bound, one_scale, scale_constants
from bench.util.errors import UserError

FANG = Path(__file__).resolve().parents[2] / "papers" / "fang2021" / "paper.toml"


@pytest.fixture(scope="module")
def fang() -> Paper:
    return read_paper(FANG)


def table_of(rows: dict[str, dict[str, str]], **directions: str) -> Table:
    columns = {
        name: {"title": name, "better": way, "metric": name, "definition": "not said"}
        for name, way in directions.items()
    }
    protocol = {"data": "d", "split": "not said", "images": 1, "resolution": [8, 8], "mask_set": "not said"}
    protocol |= {"hole_share": "not said", "scored": "not said"}
    return Table.model_validate(
        {
            "title": "T",
            "protocols": {"p": protocol},
            "columns": columns,
            "rows": {k: {"label": k, "protocol": "p", "origin": "o", "cells": cells} for k, cells in rows.items()},
        }
    )


def scale_table(*pairs: tuple[str, str]) -> Table:
    rows = {f"r{index}": {"l1": l1, "psnr": psnr} for index, (l1, psnr) in enumerate(pairs)}
    return table_of(rows, l1="lower", psnr="higher")


def test_constants_of_fang_2021(fang: Paper) -> None:
    constants = scale_constants(fang.tables["table1"], "l1", "psnr")
    assert {key: round(k, 2) for key, k in constants.items()} == {"ca": 124.05, "picn": 130.59, "ours": 75.83}


def test_constants_of_the_source_tables() -> None:
    # CA's own table: 8.6 at 18.91 dB, and its baseline 9.4 at 18.15 dB.
    constants = scale_constants(scale_table(("8.6", "18.91"), ("9.4", "18.15")), "l1", "psnr")
    assert [round(k, 2) for k in constants.values()] == [75.86, 75.97]


def test_constant_is_the_ratio_of_errors_whatever_the_picture() -> None:
    rng = np.random.default_rng(0)
    error = rng.normal(size=(64, 64, 3)) * 20
    mae, mse = np.abs(error).mean(), np.square(error).mean()
    psnr = 10 * np.log10(255**2 / mse)
    (k,) = scale_constants(scale_table((f"{mae:.9f}", f"{psnr:.9f}")), "l1", "psnr").values()
    assert k == pytest.approx(255 * mae / np.sqrt(mse), rel=1e-6)


def test_fang_mixes_two_scales(fang: Paper) -> None:
    found = one_scale(fang.tables["table1"], "l1", "psnr")
    assert found.groups == (("ours",), ("ca", "picn"))
    assert found.verdict == "contradicted"
    for part in ("2 scales", "Our method 75.83", "CA 124.05 and PICN 130.59", "1.72 times"):
        assert part in found.why


def test_rows_within_the_tolerance_are_one_scale() -> None:
    # At one PSNR k goes with l1: 11.4 / 10 is within 15 %, 11.6 / 10 is not.
    assert one_scale(scale_table(("10.00", "20.00"), ("11.40", "20.00")), "l1", "psnr").verdict == "supported"
    assert one_scale(scale_table(("10.00", "20.00"), ("11.60", "20.00")), "l1", "psnr").verdict == "contradicted"


def test_coarse_rounding_is_no_second_scale() -> None:
    # 0.1 may be 0.15 and 0.2 may be 0.15: these two can be the same number.
    assert one_scale(scale_table(("0.1", "20.00"), ("0.2", "20.00")), "l1", "psnr").verdict == "supported"
    assert one_scale(scale_table(("0.100", "20.00"), ("0.200", "20.00")), "l1", "psnr").verdict == "contradicted"


def test_a_chain_of_small_steps_is_not_one_scale() -> None:
    table = scale_table(("10.0", "20.00"), ("11.2", "20.00"), ("12.4", "20.00"))
    assert one_scale(table, "l1", "psnr").groups == (("r0", "r1"), ("r2",))


@given(st.lists(st.integers(100, 9999), min_size=2, max_size=6), st.randoms())
def test_groups_do_not_depend_on_the_order_of_rows(values: list[int], random: object) -> None:
    pairs = [(f"{value / 100:.2f}", "20.00") for value in values]
    table = scale_table(*pairs)
    keys = list(table.rows)
    random.shuffle(keys)  # type: ignore[attr-defined]
    shuffled = table.model_copy(update={"rows": {key: table.rows[key] for key in keys}})

    def members(found: Table) -> list[list[float]]:
        result = one_scale(found, "l1", "psnr")
        return [sorted(result.constants[key] for key in group) for group in result.groups]

    assert members(table) == members(shuffled)


def test_rows_without_both_cells_are_left_out() -> None:
    table = table_of({"a": {"l1": "1.0", "psnr": "20.0"}, "b": {"l1": "1.0"}}, l1="lower", psnr="higher")
    assert list(scale_constants(table, "l1", "psnr")) == ["a"]
    with pytest.raises(UserError, match="fewer than two rows"):
        one_scale(table, "l1", "psnr")


def test_fang_is_best_in_l1_only(fang: Paper) -> None:
    standings = {standing.column: standing for standing in standings_of(fang.tables["table1"], "ours")}
    assert standings["l1"].best
    assert not standings["psnr"].best
    assert (standings["psnr"].ahead_of, standings["psnr"].behind) == (("ca",), ("picn",))
    assert (standings["tv"].ahead_of, standings["tv"].behind) == ((), ("ca", "picn"))


def test_why_says_what_two_indicators_would_need(fang: Paper) -> None:
    claim = next(claim for claim in fang.claims if claim.id == "two-indicators")
    assert isinstance(claim, Arithmetic)
    result = check(claim, fang)
    assert result.verdict == "contradicted"
    assert "best in 1 of 3 columns (Mean l1 loss); 2 are claimed" in result.why
    assert "PSNR compared with CA alone (19.32 against PICN's 20.10)" in result.why
    assert "TV loss to count as 'higher is better' (25.6 against CA's 19.55 and PICN's 12.18)" in result.why


def test_best_in_columns_is_supported_where_it_holds(fang: Paper) -> None:
    claim = next(claim for claim in fang.claims if claim.id == "two-indicators")
    one = claim.model_copy(update={"needs": 1})
    assert check(one, fang).verdict == "supported"  # type: ignore[arg-type]


def test_a_tie_counts_as_best() -> None:
    table = table_of({"a": {"x": "1.0"}, "b": {"x": "1.0"}}, x="lower")
    assert standings_of(table, "a")[0].best


def test_check_one_scale(fang: Paper) -> None:
    claim = next(claim for claim in fang.claims if claim.id == "table1-scale")
    assert check(claim, fang).verdict == "contradicted"  # type: ignore[arg-type]


PSNRS = {"ours": {"psnr": "23.41"}, "ce": {"psnr": "22.85"}, "pi": {"psnr": "21.45"}}


def percent_claim(fang: Paper, table: Table, percent: str, over: str = "ce", column: str = "psnr") -> tuple[str, str]:
    values = {"id": "c", "section": "1", "statement": "s", "kind": "arithmetic", "check": "percent over row"}
    values |= {"table": "t", "row": "ours", "over": over, "column": column, "percent": percent}
    result = check(Arithmetic.model_validate(spoken(values)), fang.model_copy(update={"tables": {"t": table}}))
    return result.verdict, result.why


@pytest.mark.parametrize(
    ("percent", "verdict"), [("2.45", "supported"), ("2.4", "supported"), ("9.14", "contradicted")]
)
def test_percent_over_a_row(fang: Paper, percent: str, verdict: str) -> None:
    table = table_of(PSNRS, psnr="higher")
    found, why = percent_claim(fang, table, percent)
    assert found == verdict
    for part in ("psnr 23.41 is 2.45 % better than ce's 22.85", f"{percent} % is claimed", "rows: pi +9.14 %"):
        assert part in why
    assert "dB" not in why


def test_percent_of_decibels_is_said_to_measure_nothing(fang: Paper) -> None:
    table = table_of(PSNRS, psnr="higher")
    columns = {"psnr": table.columns["psnr"].model_copy(update={"unit": "dB"})}
    _, why = percent_claim(fang, table.model_copy(update={"columns": columns}), "2.45")
    assert "(+0.56 dB)" in why
    assert why.endswith("dB are logarithmic, so a percentage of them means nothing.")


def test_percent_allows_for_the_printed_digits() -> None:
    found = gain(table_of(PSNRS, psnr="higher"), "ours", "ce", "psnr")
    assert found.percent == pytest.approx(100 * 0.56 / 22.85)
    assert found.low == pytest.approx(100 * (23.405 / 22.855 - 1))
    assert found.high == pytest.approx(100 * (23.415 / 22.845 - 1))


def test_percent_where_lower_is_better(fang: Paper) -> None:
    table = table_of({"ours": {"l1": "8.0"}, "ce": {"l1": "10.0"}}, l1="lower")
    assert gain(table, "ours", "ce", "l1").percent == pytest.approx(20)
    assert percent_claim(fang, table, "20", column="l1")[0] == "supported"
    verdict, why = percent_claim(fang, table, "-20", column="l1")
    assert (verdict, "20.00 % better" in why) == ("contradicted", True)


def test_percent_of_what_is_not_there() -> None:
    table = table_of({"ours": {"x": "1.0"}, "ce": {}, "zero": {"x": "0.0"}}, x="higher")
    for over in ("ce", "zero"):
        with pytest.raises(UserError, match="need numbers in x"):
            gain(table, "ours", over, "x")


@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_the_true_percentage_lies_between_the_ends(mine: int, theirs: int) -> None:
    """Whatever the unrounded numbers were."""
    table = table_of({"a": {"x": f"{mine / 1000:.2f}"}, "b": {"x": f"{theirs / 1000 + 1:.2f}"}}, x="higher")
    found = gain(table, "a", "b", "x")
    assert found.low - 1e-9 <= 100 * ((mine / 1000) / (theirs / 1000 + 1) - 1) <= found.high + 1e-9


def test_reported_percentages_keep_their_digits() -> None:
    assert Reported.model_validate("4").half_width == 0.5


def counted(fang: Paper, cells: dict[str, str], **more: object) -> tuple[str, str]:
    values = {"id": "c", "section": "1", "statement": "s", "kind": "arithmetic", "table": "t", "row": "ours"} | more
    table = table_of({"ours": cells}, **dict.fromkeys(cells, "higher"))
    result = check(Arithmetic.model_validate(spoken(values)), fang.model_copy(update={"tables": {"t": table}}))
    return result.verdict, result.why


@pytest.mark.parametrize(
    ("printed", "verdict", "says"),
    [
        (("99", "62"), "supported", "Truncated to whole digits, not rounded."),
        (("100", "62"), "supported", "(printed 62)."),
        (("99.7", "62.1"), "supported", "603 is 99.67 % (printed 99.7)"),
        (("100", "63"), "contradicted", "Neither rounding nor truncation"),
        (("98", "62"), "contradicted", "Neither rounding nor truncation"),
    ],
)
def test_shares_of_a_total(fang: Paper, printed: tuple[str, str], verdict: str, says: str) -> None:
    cells = {"a": "603", "b": "376", "a_share": printed[0], "b_share": printed[1]}
    more = {"check": "shares of total", "counts": ["a", "b"], "shares": ["a_share", "b_share"], "total": 605}
    found, why = counted(fang, cells, **more)
    assert found == verdict
    assert why.startswith("Of 605, 603 is 99.67 %")
    assert says in why


def test_exclusive_counts(fang: Paper) -> None:
    def told(*counts: str) -> tuple[str, str]:
        cells = dict(zip("ab", counts, strict=True))
        return counted(fang, cells, check="exclusive", counts=["a", "b"], total=605)

    assert told("376", "442") == ("contradicted", "376 + 442 = 818 of 605: at least 213 are counted more than once.")
    assert told("376", "229") == ("supported", "376 + 229 = 605 of 605: no case needs to be counted twice.")


def test_counts_that_are_not_there(fang: Paper) -> None:
    table = table_of({"ours": {"a": "1"}}, a="higher", b="higher")
    values = {"id": "c", "section": "1", "statement": "s", "kind": "arithmetic", "check": "exclusive", "table": "t"}
    claim = Arithmetic.model_validate(spoken(values | {"row": "ours", "counts": ["a", "b"], "total": 3}))
    with pytest.raises(UserError, match="ours has no number in b"):
        check(claim, fang.model_copy(update={"tables": {"t": table}}))


def test_mae_bound_figures() -> None:
    # A quarter missing: RMSE 25.2 grey levels at 20.10 dB, 27.9 at 19.22 dB, and half of each.
    assert mae_bound(20.10, 0.25) == pytest.approx(12.60, abs=0.01)
    assert mae_bound(19.22, 0.25) == pytest.approx(13.95, abs=0.01)
    with pytest.raises(ValueError, match="hole_share"):
        mae_bound(20.0, 0.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 15))
def test_mae_bound_holds_for_every_composite(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    error = np.zeros((16, 16, 3))
    error[:side, :side] = rng.normal(size=(side, side, 3)) * 30 + rng.normal() * 30
    psnr = 10 * np.log10(255**2 / np.square(error).mean())
    assert np.abs(error).mean() <= mae_bound(psnr, side**2 / 256) * (1 + 1e-9)


def test_mae_bound_is_met_by_a_constant_error() -> None:
    error = np.zeros((16, 16))
    error[:8, :8] = 40.0
    psnr = 10 * np.log10(255**2 / np.square(error).mean())
    assert np.abs(error).mean() == pytest.approx(mae_bound(psnr, 0.25))


def test_bound_notes_only_where_the_share_is_fixed(fang: Paper) -> None:
    notes = bound_notes(fang.tables["table1"], "l1", "psnr")
    assert [note.split(":")[0] for note in notes] == ["CA", "PICN"]
    assert "13.57 is within" in notes[0]
    assert "12.91 is above" in notes[1]
