import math

import numpy as np
import pytest
from invented import invent, paper, protocol

from bench.claims.explain import definitions, explain, family, open_record, own_records, scales
from bench.metrics.definitions import DEFINITIONS
from bench.util.errors import UserError


@pytest.fixture(scope="module")
def record(tmp_path_factory, cache):
    return invent(tmp_path_factory.mktemp("explain"), cache, "mine", protocol(), 1.0)


def printing(psnr, margin=0.5):
    """The invented paper, printing this PSNR."""
    made = paper().model_dump(mode="json", by_alias=True)
    made["tables"]["t1"]["rows"]["ours"]["cells"]["psnr"] = psnr
    for claim in made["claims"]:
        if claim["kind"] == "cell":
            claim["margin"] = margin
    return type(paper()).model_validate(made)


def cell(found, column="PSNR"):
    (one,) = [one for one in found if one.column == column and one.mask_set == "random"]
    return one


def explaining(one):
    return {meaning.definition.id for meaning in one.meanings if one.explains(meaning)}


def test_families_keep_definitions_together():
    assert [family(name) for name in ("psnr_y", "ssim_u7", "l2_rel", "tv_sum", "lpips_vgg")] == [
        "psnr", "ssim", "l1", "tv", "lpips",
    ]  # fmt: skip
    assert {one.id for one in definitions("l1")} >= {"l1", "l1_m11", "l1_hole", "l2"}
    assert not any(one.id.endswith("_truth") for one in definitions("tv"))
    assert sum(len(definitions(name)) for name in ("psnr", "ssim", "l1", "tv", "lpips", "mse")) == sum(
        not name.endswith("_truth") for name in DEFINITIONS
    )


def test_every_definition_stands_beside_the_printed_number(record):
    one = cell(explain(paper(), [record]))
    rows = record.mask_set("random")
    values = {meaning.definition.id: meaning.value for meaning in one.meanings}
    assert values["psnr"] == pytest.approx(rows["psnr"].mean())
    pooled = 10 * math.log10(255**2 / (255**2 / 10 ** (rows["psnr"] / 10)).mean())
    assert values["psnr_pooled"] == pytest.approx(pooled, abs=1e-6)
    assert values["psnr_range2"] == pytest.approx(values["psnr"] + 6.0206, abs=1e-4)
    assert [meaning.definition.id for meaning in one.meanings if meaning.declared] == ["psnr"]
    assert one.gap(one.meanings[0]) == pytest.approx(values["psnr"] - 19.32)
    assert "1 seed" in one.where


def test_a_number_is_explained_by_the_definition_it_was_made_with(record):
    value = record.mask_set("random")["psnr"].mean()
    other = cell(explain(printing(f"{value + 6.0206:.2f}", 0.0), [record]))
    assert explaining(other) == {"psnr_range2"}
    assert "(psnr_range2) gives" in other.suggestion
    assert "psnr" in explaining(cell(explain(printing(f"{value:.2f}", 0.0), [record])))
    none = cell(explain(printing("3.00", 0.0), [record]))
    assert explaining(none) == set()
    assert none.suggestion.startswith("No definition gives 3.00 ± 0.005")


def test_rounding_and_the_declared_margin_are_the_tolerance(record):
    value = record.mask_set("random")["psnr"].mean()
    wide = cell(explain(printing(f"{value + 0.4:.2f}", 0.5), [record]))
    narrow = cell(explain(printing(f"{value + 0.4:.2f}", 0.1), [record]))
    coarse = cell(explain(printing(f"{math.floor(value + 0.3):.0f}", 0.0), [record]))
    assert "psnr" in explaining(wide)
    assert "psnr" not in explaining(narrow)
    assert coarse.printed.half_width == 0.5
    assert ("psnr" in explaining(coarse)) == (abs(math.floor(value + 0.3) - value) <= 0.5)


def test_a_cell_without_a_claim_is_shown_on_every_mask_set(record):
    assert [one.mask_set for one in explain(paper(), [record]) if one.column == "l1"] == [
        "center",
        "random",
        "irregular",
    ]


def test_seeds_are_averaged_and_variants_left_out(tmp_path, cache):
    records = [invent(tmp_path, cache, "mine", protocol(), 1.0, seed=seed) for seed in (0, 1)]
    other = invent(tmp_path, cache, "mine", protocol(), 1.0, variant="other")
    assert own_records("mine", [*records, other]) == records
    one = cell(explain(paper(), records))
    assert "2 seeds" in one.where
    expected = np.mean([record.mask_set("random")["psnr"].mean() for record in records])
    assert one.meanings[0].value == pytest.approx(expected)


def test_arithmetic_flags_the_row_that_is_on_another_scale():
    from bench.methods.catalog import find

    (one,) = scales(find()["fang2021"].paper())
    assert {row: round(k, 1) for row, k in one.found.constants.items()} == {"ca": 124.0, "picn": 130.6, "ours": 75.8}
    (flag,) = one.flags
    assert flag.startswith("Our method (k 75.8) is not on the same scale as CA (124.0) and PICN (130.6)")
    assert any(note.startswith("CA: k is at most 50.0 in % of the range") for note in one.bounds)
    assert any("124.0 can be in grey levels." in note for note in one.bounds)


def test_rows_on_one_scale_are_not_flagged():
    made = paper().model_dump(mode="json", by_alias=True)
    made["tables"]["t1"]["rows"]["ours"]["cells"] = {"l1": "13.40", "psnr": "19.32"}
    (one,) = scales(type(paper()).model_validate(made))
    assert one.flags == ()


def test_explain_needs_no_record(bench, tmp_path):
    code, printed, error = bench("explain", "fang2021", "--out", tmp_path)
    assert code == 0, error
    assert "Our method (k 75.8) is not on the same scale as CA (124.0) and PICN (130.6)" in printed.replace("\n", " ")
    assert "no record of fang2021" in printed


def test_explain_a_record(bench, record, tmp_path):
    code, printed, error = bench("explain", record.folder / "record.json")
    assert code == 0, error
    for name in ("psnr_pooled", "ssim_u7", "l1_m11", "tv_sum"):
        assert name in printed
    assert open_record(record.folder).run == record.run
    with pytest.raises(UserError, match="holds no record"):
        open_record(tmp_path)


@pytest.mark.parametrize("words", [("fang2012", "Did you mean 'fang2021'"), ("telea", "no record of telea")])
def test_explain_tells_what_is_missing(bench, tmp_path, words):
    code, _, error = bench("explain", words[0], "--out", tmp_path)
    assert code == 2
    assert words[1] in error
    assert len(error.strip().splitlines()) == 1
