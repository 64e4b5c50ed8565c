import io

from invented import FLOORS
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
    assert "faces, quick scale, 64 px, suite center" in text
    assert "* best mean; TV of the truth" in text
    assert "best floor" in text
    assert "LPIPS: no weights" in text
    assert "trained on" in text
    assert [row.split()[-1] for row in text.splitlines() if row.startswith(" p ")] == ["320"] * 4
    assert "infinite for 1 image" in text


def test_leaderboard_of_one_record_needs_no_floors(records):
    text = printed(lambda console: print_leaderboard(console, "p", records[:1], set()))
    assert "trained on" not in text
    assert records[0].run.method in text
    assert "best floor" not in text


def test_verdicts_are_counted_and_sorted(small_paper, records):
    findings = judge(small_paper, "p", records, FLOORS)
    text = printed(lambda console: print_verdicts(console, findings, "Claims"))
    assert text.index("contradicted") < text.index("not comparable") < text.index("not attempted")
    hidden = [one for one in findings if one.verdict == "not comparable"]
    assert all(one.claim.id in text and one.why not in text for one in hidden)
    assert "1 not attempted" in text
    assert "\x1b" not in text
