import pandas as pd
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, thrice
from kept import altered

from bench.claims import Verdict, command, judge
from bench.claims.contenders import contenders
from bench.util.files import sha256


def order(better="variant:default", worse="variant:other", metric="psnr", margin=0.1, mask_sets=("center",)):
    return {
        "id": "o", "section": "1", "statement": "better", "kind": "order", "better": better, "worse": worse,
        "metric": metric, "mask_sets": list(mask_sets), "margin": margin,
    }  # fmt: skip


def cell(margin=0.5, row="ours", column="psnr"):
    return {
        "id": "c", "section": "4", "statement": "a cell", "kind": "cell", "table": "t", "row": row, "column": column,
        "mask_set": "center", "margin": margin,
    }  # fmt: skip


def verdict(lead, make, margin=0.1, spread=1.0):
    records = thrice(make, IMAGES + lead + spread * NOISE) + thrice(make, IMAGES, "other")
    (finding,) = judge(paper(order(margin=margin)), "p", records, FLOORS)
    return finding


def test_two_trained_methods_with_few_seeds_are_not_told_apart(make):
    records = [make("p", IMAGES + 2), make("p", IMAGES, "other")]
    (finding,) = judge(paper(order()), "p", records, FLOORS)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "the difference exceeds the margin of 0.1 dB on center; but another seed alone can move" in finding.why
    assert "python -m bench reproduce p --variant other --seed 0 --seed 1 --seed 2" in finding.why


def test_seeds_that_disagree_widen_the_interval(make):
    shifts = (-0.9, 0.0, 0.9)
    better = [make("p", IMAGES + 1 + shift, seed=seed) for seed, shift in enumerate(shifts)]
    (finding,) = judge(paper(order()), "p", better + thrice(make, IMAGES, "other"), FLOORS)
    # t(0.98, 2) x 0.9 / sqrt(3) = 2.519 around 1.0
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "p ahead of p (other) by 1.000 [−1.519, 3.519] dB" in finding.measured[0].text
    (against_floor,) = judge(paper(order(worse="best floor")), "p", [*better, make("flat", IMAGES)], FLOORS)
    assert "by 1.000 [−1.519, 3.519]" in against_floor.measured[0].text


def test_order_supported(make):
    finding = verdict(0.5, make)
    assert finding.verdict == Verdict.SUPPORTED
    assert finding.why == (
        "At quick scale on drawn faces, 3 seeds: the difference exceeds the margin of 0.1 dB on center."
    )
    assert finding.measured[0][:2] == ("center", "psnr")
    assert finding.measured[0].text.startswith("p ahead of p (other) by 0.500 [0.3")


def test_order_contradicted_only_beyond_the_margin_on_the_other_side(make):
    finding = verdict(-0.5, make)
    assert finding.verdict == Verdict.CONTRADICTED
    assert "on center it is the other way round by more than the margin of 0.1 dB (center: −0.500" in finding.why


def test_order_below_the_margin_on_the_wrong_side_is_not_yet_contradicted(make):
    finding = verdict(-0.15, make)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "would settle it" in finding.why


def test_order_inconclusive_says_how_many_images_more(make):
    finding = verdict(0.2, make)
    assert finding.verdict == Verdict.INCONCLUSIVE
    # half-width 1.96 / sqrt(200) = 0.139 must shrink to 0.1: 200 x 1.39^2 = 386
    needed = int(finding.why.split("about ")[1].split(" images")[0])
    assert needed == pytest.approx(386, rel=0.1)
    assert "(now 200)" in finding.why


def test_order_whose_whole_interval_lies_within_the_margin_shows_no_difference(make):
    finding = verdict(0.02, make, spread=0.1)
    assert finding.verdict == Verdict.NO_DIFFERENCE
    assert "the two differ by less than the margin of 0.1 dB on center (center: +0.020 [" in finding.why
    assert "Run `" not in finding.why
    assert "would show that it is no larger" in verdict(0.02, make, spread=1.0).why


def test_no_difference_needs_a_margin_and_seeds(make):
    assert verdict(0.0, make, margin=0.0, spread=0.0).verdict == Verdict.INCONCLUSIVE
    (once,) = judge(paper(order()), "p", [make("p", IMAGES), make("p", IMAGES, "other")], FLOORS)
    assert once.verdict == Verdict.INCONCLUSIVE
    assert "another seed alone can move" in once.why


def test_no_difference_on_one_mask_set_alone_leaves_the_claim_open(make):
    even = [worse_on_random(record, 1.0) for record in thrice(make, IMAGES + 1)]
    (finding,) = judge(paper(order(mask_sets=["center", "random"])), "p", even + thrice(make, IMAGES, "other"), FLOORS)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "it holds in part: by more than the margin of 0.1 dB on center, while the two differ by less on random" in (
        finding.why
    )


def test_a_verdict_on_a_reading_says_so_and_keeps_the_objection(make):
    read = {"basis": "reading", "reading": "Better is not defined; PSNR stands for it.", "objection": "Not PSNR."}
    records = thrice(make, IMAGES - 1) + thrice(make, IMAGES, "other")
    stated, reading = judge(paper(order(), order() | read | {"id": "r"}), "p", records, FLOORS)
    assert (stated.said, reading.said) == ("contradicted", "contradicted under our reading")
    assert (stated.under_reading, reading.under_reading) == (False, True)
    assert reading.objection == "Not PSNR."
    (open_,) = judge(paper(order() | read), "p", records[:1], FLOORS)
    assert open_.said == "not attempted"


def worse_on_random(record, by=2.0):
    scores = pd.read_csv(record.folder / "scores.csv")
    scores.loc[scores["mask_set"] == "random", "psnr"] -= by
    (record.folder / "scores.csv").write_text(text := scores.to_csv(index=False))
    return altered(record, scores_sha256=sha256(text.encode()))


def test_order_needs_every_mask_set(make):
    better = [worse_on_random(record) for record in thrice(make, IMAGES + 1)]
    claims = [
        order(worse="best floor", mask_sets=mask_sets) | {"id": str(len(mask_sets))}
        for mask_sets in (["center"], ["center", "random"])
    ]
    one, both = judge(paper(*claims), "p", [*better, make("flat", IMAGES)], FLOORS)
    assert (one.verdict, both.verdict) == (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert "on random it is" in both.why


def test_lower_is_better_turns_the_sign(make):
    records = thrice(make, IMAGES, l1=3.0) + thrice(make, IMAGES, "other", l1=4.0)
    (finding,) = judge(paper(order(metric="l1")), "p", records, FLOORS)
    assert finding.verdict == Verdict.SUPPORTED
    assert "by 1.000" in finding.measured[0].text


def test_truth_metric_compares_distances_to_the_truth(make):
    records = thrice(make, IMAGES, tv=13.0, tv_truth=12.0)
    records += thrice(make, IMAGES, "other", tv=9.0, tv_truth=12.0)
    (finding,) = judge(paper(order(metric="tv")), "p", records, FLOORS)
    assert finding.verdict == Verdict.SUPPORTED
    assert "by 2.000" in finding.measured[0].text


def test_best_floor_is_the_best_one(make):
    records = [*thrice(make, IMAGES + 1), make("flat", IMAGES - 3), make("smooth", IMAGES + 2)]
    (finding,) = judge(paper(order(worse="best floor")), "p", records, FLOORS)
    assert finding.verdict == Verdict.CONTRADICTED
    assert "p behind smooth by 1.000" in finding.measured[0].text


def test_missing_runs_name_the_command(make):
    both, other, floor, rival = judge(
        paper(
            order(),
            order(worse="variant:other") | {"id": "1"},
            order(worse="best floor") | {"id": "2"},
            order(worse="method:rival") | {"id": "3"},
        ),
        "p",
        [make("p", IMAGES)],
        FLOORS,
    )
    assert {both.verdict, other.verdict, floor.verdict, rival.verdict} == {Verdict.NOT_ATTEMPTED}
    assert other.why == "Not run here: variant other. Run `python -m bench reproduce p --variant other`."
    assert "No floor was measured on center here. Run `python -m bench reproduce p`." in floor.why
    assert "`python -m bench evaluate rival --paper p`" in rival.why


def test_without_records_the_command_makes_both_sides():
    (finding,) = judge(paper(order()), "p", [], FLOORS)
    assert (finding.verdict, finding.measured) == (Verdict.NOT_ATTEMPTED, ())
    assert "p and variant other. Run `python -m bench reproduce p --variant other`." in finding.why


def test_command_names_scale_and_data(make):
    run = make("p", IMAGES, scale="paper", data="celeba=/data/a b").run
    assert command(paper(), "p", ["x", "y"], run) == (
        "python -m bench reproduce p --variant x --variant y --scale paper --data 'celeba=/data/a b'"
    )
    assert command(paper(), "p", [], make("p", IMAGES, data="photos").run) == "python -m bench reproduce p"


def test_smoke_is_never_evidence(make):
    records = [make("p", IMAGES + 9, scale="smoke"), make("p", IMAGES, "other", scale="smoke")]
    (finding,) = judge(paper(order()), "p", records, FLOORS)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "never evidence" in finding.why
    assert finding.measured


def test_few_groups_are_no_evidence(make):
    groups = [f"photo{index % 3}" for index in range(200)]
    records = [make("p", IMAGES + 9, groups=groups, data="photos"), make("p", IMAGES, "other", groups=groups)]
    records[1] = altered(records[1], run={"protocol": records[0].run.protocol})
    (finding,) = judge(paper(order()), "p", records, FLOORS)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "3 photographs are too few to generalise from" in finding.why


def test_seeds_are_averaged_and_counted(make):
    records = [make("p", IMAGES + seed, seed=seed) for seed in range(3)] + thrice(make, IMAGES, "other")
    (finding,) = judge(paper(order()), "p", records, FLOORS)
    assert "3 seeds" in finding.why
    assert "by 1.000" in finding.measured[0].text


def test_two_codes_under_one_name_are_never_mixed(make):
    records = [make("p", IMAGES + 1), make("p", IMAGES + 1, code="older"), make("p", IMAGES, "other")]
    assert len({one.name for one in contenders(records)}) == 3
    (finding,) = judge(paper(order()), "p", records, FLOORS)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "differ in code or settings" in finding.why


def test_records_of_two_protocols_are_refused(make):
    with pytest.raises(ValueError, match="one protocol"):
        judge(paper(), "p", [make("p", IMAGES), make("p", IMAGES, data="photos")], FLOORS)


def test_absent_measurements(make):
    records = [make("p", IMAGES), make("p", IMAGES, "other")]
    claims = [order(metric="lpips"), order(mask_sets=["irregular"]) | {"id": "2"}, order(metric="ssim") | {"id": "3"}]
    lpips, mask_set, ssim = judge(paper(*claims), "p", records, FLOORS)
    assert lpips.why == "LPIPS was not measured: no weights: put them there."
    assert "irregular is not part of this protocol (center, random)" in mask_set.why
    assert "no complete column ssim" in ssim.why
    assert {lpips.verdict, mask_set.verdict, ssim.verdict} == {Verdict.NOT_ATTEMPTED}


def cell_finding(make, values, claim=None, scale="paper", **changes):
    records = thrice(make, values, scale=scale, data="celeba")
    (finding,) = judge(paper(claim or cell(), **changes), "p", records, FLOORS)
    return finding


def test_cell_supported_only_if_the_whole_interval_lies_within(make):
    near = 25.2 + 0.1 * NOISE
    finding = cell_finding(make, near)
    assert finding.verdict == Verdict.SUPPORTED
    assert "lies within 25.0 ± 0.55 dB" in finding.why  # 0.05 of it is the printed rounding
    assert finding.measured[0].text.endswith("the paper prints 25.0")


@pytest.mark.parametrize(("mean", "side"), [(27.0, "better"), (23.0, "worse")])
def test_cell_contradicted_if_the_whole_interval_lies_outside(make, mean, side):
    finding = cell_finding(make, mean + 0.1 * NOISE)
    assert finding.verdict == Verdict.CONTRADICTED
    assert f"on the {side} side" in finding.why


def test_cell_inconclusive_says_how_many_images_more(make):
    finding = cell_finding(make, 25.45 + NOISE)
    assert finding.verdict == Verdict.INCONCLUSIVE
    # half-width 0.139 must shrink to 0.1
    needed = int(finding.why.split("about ")[1].split(" images")[0])
    assert needed == pytest.approx(386, rel=0.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "celeba-hq"}, "data (celeba; paper: celeba-hq)"),
        ({"data": "ffhq"}, "data (celeba; paper: ffhq)"),
        ({"data": "not said"}, "the paper leaves open: data"),
        ({"split": "official validation"}, "split (official test; paper: official validation)"),
        ({"split": "not said"}, "the paper leaves open: split"),
        ({"images": 2000}, "images (200; paper: 2000)"),
        ({"images": {"about": 150}}, "images (200; paper: about 150)"),
        ({"resolution": [128, 128]}, "size (256x256; paper: 128x128)"),
        ({"resolution": [256, 128]}, "size (256x256; paper: 256x128)"),
        (
            {"mask_set": {"kind": "center", "hole": [64, 64]}},
            "holes (center, 128x128; paper: central hole of 64x64)",
        ),
        ({"mask_set": {"kind": "center", "hole": "not said"}}, "the paper leaves open: holes"),
        ({"mask_set": {"kind": "other", "text": "anywhere but not the center"}}, "paper: anywhere but not the center)"),
        ({"mask_set": {"kind": "rectangle", "sides": "not said"}}, "paper: rectangles at random places)"),
        ({"mask_set": {"kind": "named", "name": "irregular"}}, "holes (center, 128x128; paper: irregular)"),
        ({"mask_set": "not said", "hole_share": "not said"}, "the paper leaves open: holes, hole share"),
        ({"hole_share": 0.5}, "hole share (25 %; paper: 50 %)"),
        ({"hole_share": [0.3, 0.4]}, "hole share (25 %; paper: 30 to 40 %)"),
        ({"scored": "raw"}, "scored pixels (composite; paper: raw)"),
        ({"scored": "not said"}, "the paper leaves open: scored pixels"),
        ({"definition": "psnr_y"}, "definition of PSNR (psnr; paper: psnr_y)"),
        ({"definition": "not said"}, "the paper leaves open: definition of PSNR"),
    ],
)
def test_cell_not_comparable_names_the_difference(make, change, words):
    finding = cell_finding(make, 25 + 0.1 * NOISE, **change)
    assert finding.verdict == Verdict.NOT_COMPARABLE
    assert words in finding.why
    assert finding.measured


@pytest.mark.parametrize(
    "change",
    [
        {"images": {"about": 190}},
        {"split": "held out"},  # an official test part is that too
        {"hole_share": [0.2, 0.3]},
        {"hole_share": "not said"},  # the same holes have the same share
        {"mask_set": {"kind": "named", "name": "center"}},
    ],
)
def test_what_says_less_or_the_same_in_other_words_is_comparable(make, change):
    assert cell_finding(make, 25 + 0.1 * NOISE, **change).verdict == Verdict.SUPPORTED


def test_cell_at_another_scale_is_not_comparable(make):
    finding = cell_finding(make, 25 + 0.1 * NOISE, scale="quick")
    assert finding.verdict == Verdict.NOT_COMPARABLE
    assert "scale (quick)" in finding.why


def test_cell_of_another_method_or_without_a_number(make):
    assert "not the paper's own" in cell_finding(make, IMAGES, cell(row="rival")).why
    assert "no number" in cell_finding(make, IMAGES, cell(column="empty")).why


def test_judgement_and_arithmetic_need_no_records():
    claims = [
        {"id": "j", "section": "1", "statement": "beautiful", "kind": "judgement", "why": "No measure."},
        {"id": "a", "section": "4", "statement": "best", "kind": "arithmetic", "table": "t", "check": "best in columns",
         "row": "ours", "needs": 1},
    ]  # fmt: skip
    judgement, arithmetic = judge(paper(*claims), "p", [], FLOORS)
    assert (judgement.verdict, judgement.why) == (Verdict.NOT_COMPARABLE, "No measure.")
    assert arithmetic.verdict == Verdict.SUPPORTED
    assert not judgement.depends_on_data


def test_a_trained_rival_is_run_with_seeds_too(make):
    records = [make("p", IMAGES + 1), make("rival", IMAGES)]
    (finding,) = judge(paper(order(worse="method:rival")), "p", records, FLOORS)
    assert "Run `python -m bench reproduce p --with-baselines --seed 0 --seed 1 --seed 2`" in finding.why
    plain = paper(order(worse="method:rival"))
    quick = plain.scales["quick"].model_copy(update={"baselines": ["rival"]})
    listed = plain.model_copy(update={"scales": plain.scales | {"quick": quick}})
    (finding,) = judge(listed, "p", records, FLOORS)
    assert "Run `python -m bench reproduce p --seed 0 --seed 1 --seed 2`" in finding.why


def test_an_order_by_a_probe(make):
    still, moved = {"repeat_l1": [0.0] * 64}, {"repeat_l1": 5 + NOISE[:64]}
    records = [*thrice(make, IMAGES, probes=moved), make("flat", IMAGES, probes=still)]
    claim = order(better="best floor", worse="variant:default", metric="repeat_l1", margin=1)
    (finding,) = judge(paper(claim), "p", records, FLOORS)
    assert finding.verdict == Verdict.SUPPORTED
    assert finding.measured[0].text.startswith("flat ahead of p by ")
    (unprobed,) = judge(paper(claim), "p", [make("p", IMAGES), make("flat", IMAGES)], FLOORS)
    assert unprobed.verdict == Verdict.NOT_ATTEMPTED
    assert unprobed.why == (
        "This scale has no probe 'repeat', which measures repeat_l1; add it to `probes` in its protocol."
    )
    (elsewhere,) = judge(paper(claim | {"mask_sets": ["random"]}), "p", records, FLOORS)
    assert elsewhere.why == "Probes run under the mask set center only, so flat has no repeat_l1 on random."
