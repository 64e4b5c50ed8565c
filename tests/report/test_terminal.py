import io

from invented import FLOORS, invent, protocol
from rich.console import Console

from bench.claims import judge
from bench.report import print_leaderboard, print_verdicts


def printed(call, width=100):
    console = Console(file=io.StringIO(), width=width)
    call(console)
    return console.file.getvalue()


def test_leaderboard_fits_a_hundred_columns(records):
    text = printed(lambda console: print_leaderboard(console, "p", records, FLOORS))
    assert "…" not in text
    assert "faces, quick scale, 64 px, mask set center" in text
    assert "* best, or not told apart from it; TV of the truth" in " ".join(text.split())
    assert "best floor" in text
    assert "LPIPS: no weights" in text
    assert "trained on" in text
    boards = text.partition("Repeatability")[0]
    assert [row.split()[-1] for row in boards.splitlines() if row.split()[:2] == ["1–4†", "p"]] == ["320"] * 4
    assert "infinite for 1 image" in text


def test_leaderboard_of_one_record_needs_no_floors(records):
    text = printed(lambda console: print_leaderboard(console, "p", records[:1], set()))
    assert "trained on" not in text
    assert records[0].run.method in text
    assert "best floor" not in text


def test_what_was_probed_is_printed_and_an_oracle_told_as_one(tmp_path, cache):
    for probes, shown in ((("best_of",), True), ((), False)):
        record = invent(tmp_path / str(shown), cache, "p", protocol(mask_sets=("center",), probes=probes), blur=1)
        text = printed(lambda console, one=record: print_leaderboard(console, "p", [one], set()))
        assert ("Oracle: PSNR of the best of 10 (dB) ↑" in text) == shown
        assert f"{record.probes['best_of_10_psnr'].mean():.2f}" in text if shown else "probed" not in text
        assert ("numbers stand on no leaderboard" in " ".join(text.split())) == shown


def test_verdicts_are_counted_and_sorted(small_paper, records):
    findings = judge(small_paper, "p", records, FLOORS)
    text = printed(lambda console: print_verdicts(console, findings, "Claims"))
    assert text.index("contradicted") < text.index("not comparable") < text.index("not attempted")
    hidden = [one for one in findings if one.verdict == "not comparable"]
    assert all(one.claim.id in text and one.why not in text for one in hidden)
    assert "1 not attempted" in text
    assert "\x1b" not in text


def test_a_verdict_on_a_reading_is_printed_as_one(small_paper):
    read = {"basis": "reading", "reading": "Not said.", "objection": "A typo."}
    claims = [one.model_copy(update=read) if one.id == "scale" else one for one in small_paper.claims]
    findings = judge(small_paper.model_copy(update={"claims": claims}), "p", [], FLOORS)
    text = printed(lambda console: print_verdicts(console, findings, "Claims"))
    assert "(✗) contradicted" in text
    assert "An author could object: A typo." in text
    assert "as stated: 1 not comparable   8 not attempted" in text
    assert "under our reading: 1 contradicted" in text
