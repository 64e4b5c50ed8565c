"""The front page over several papers: what it counts, what it puts first, and that it leaves others' files alone."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from invented import FLOORS, invent, protocol
from markup import parsed

from bench.claims import Finding, Measured, Verdict
from bench.claims.statistics import Interval
from bench.claims.strength import clearance
from bench.methods.catalog import ROOT
from bench.report import gather
from bench.report.front import Front, Subject
from bench.report.front_pages import BEGIN, END, GENERATED, fill, front_page, front_readme, write_front
from bench.runs.records import find_records
from bench.runs.spent import cost
from bench.util.errors import UserError


def subject(paper, records, key="p"):
    return Subject(gather(key, paper, records, FLOORS), frozenset(FLOORS), (f"python -m bench reproduce {key}",))


@pytest.fixture(scope="module")
def front(studio, small_paper):
    return Front([subject(small_paper, find_records(studio))], {"older": 3})


def order(small_paper, *intervals, verdict=Verdict.SUPPORTED, margin=0.1):
    claim = next(one for one in small_paper.claims if one.kind == "order").model_copy(update={"margin": margin})
    measured = [Measured(str(place), "psnr", "", Interval(0.0, *ends, 40, 40)) for place, ends in enumerate(intervals)]
    return Finding(claim, verdict, "", tuple(measured))


def test_every_finding_is_counted_once_and_stated_ones_apart_from_readings(front):
    one = front.subjects[0]
    findings = [*one.report.chapters[0].findings, *one.report.settled]
    assert sum(tally.counts.total() for tally in one.tallies) == len(findings)
    stated = next(tally for tally in one.tallies if tally.of == "as stated")
    assert stated.counts.total() == sum(not f.under_reading for f in one.report.chapters[0].findings)
    alone = one.tallies[-1]
    assert (alone.of, alone.measurable, alone.decided) == ("without a measurement", 0, 0)
    assert alone.counts.total() == len(one.report.settled)


def test_a_cell_that_was_measured_otherwise_is_none_of_the_measurable(front):
    chapter = front.subjects[0].report.chapters[0]
    cells = [one for one in chapter.findings if one.verdict == Verdict.NOT_COMPARABLE]
    assert cells
    tallies = [one for one in front.subjects[0].tallies if one.where]
    assert sum(one.measurable for one in tallies) == len(chapter.findings) - len(cells)
    told = [claim.id for reason in front.subjects[0].incomparable for claim in reason.claims]
    assert {one.claim.id for one in cells} <= set(told)


def test_every_claim_is_answered_open_or_cannot_be_told(front):
    one = front.subjects[0]
    ids = [claim.id for reason in [*one.open, *one.incomparable] for claim in reason.claims]
    ids += [f.claim.id for f in [*one.report.chapters[0].findings, *one.report.settled] if f.decisive]
    assert sorted(ids) == sorted(claim.id for claim in one.report.paper.claims)


def test_clearance_is_the_room_beyond_the_margin_in_widths_of_the_interval(small_paper):
    by, where = clearance(order(small_paper, (0.5, 0.7), (0.2, 0.4)))
    assert (by, where.where) == (pytest.approx(0.5), "1")  # all must hold: the least clear
    by, where = clearance(order(small_paper, (-0.5, -0.3), (-2.0, -1.0), verdict=Verdict.CONTRADICTED))
    assert (by, where.where) == (pytest.approx(1.0), "0")  # 0.2 / 0.2 against 0.9 / 1.0: one suffices, the clearest
    by, _ = clearance(order(small_paper, (-0.05, 0.01), verdict=Verdict.NO_DIFFERENCE))
    assert by == pytest.approx(0.05 / 0.06)
    assert clearance(order(small_paper, (0.5, 0.7), verdict=Verdict.INCONCLUSIVE)) is None
    trend = next(one for one in small_paper.claims if one.kind == "trend")
    assert clearance(Finding(trend, Verdict.SUPPORTED, "", order(small_paper, (0.5, 0.7)).measured)) is None


def strong(small_paper, one, key, reading, low, name):
    """A finding of a paper called `key`, with the interval [low, low + 1]."""
    from bench.report.front import Strong

    found = order(small_paper, (low, low + 1), margin=0)
    basis = {"basis": "reading", "reading": "So."} if reading else {"basis": "stated", "reading": ""}
    found = replace(found, claim=found.claim.model_copy(update={"id": name, **basis}))
    of = Subject(replace(one.report, key=key), one.floors, one.commands)
    return of, Strong(of, one.report.chapters[0], found, clearance(found)[0], "x")


def test_the_strongest_are_stated_before_read_then_clearest_and_three_of_a_paper(front, small_paper):
    one = front.subjects[0]
    made = [strong(small_paper, one, "a", True, low, f"r{low}") for low in (9, 8, 7, 6)]
    made += [strong(small_paper, one, "b", False, 1, "stated"), strong(small_paper, one, "b", True, 5, "read")]
    subjects = {"a": made[0][0], "b": made[4][0]}
    for key, own in subjects.items():
        own.__dict__["strong"] = [item._replace(subject=own) for of, item in made if of.key == key]
    ids = [item.finding.claim.id for item in Front(list(subjects.values())).strongest]
    assert ids == ["stated", "r9", "r8", "r7", "read"]


def test_a_sick_side_and_the_mean_colour_make_no_strong_finding(small_paper, tmp_path, cache):
    """Of three decided orders one is against a variant whose training broke, one against the mean colour."""
    asked = protocol(mask_sets=("center", "random"), images=600, test_images=60)
    for seed in range(3):
        invent(tmp_path, cache, "p", asked, blur=1.5, noise=2, steps=40, seed=seed)
        invent(tmp_path, cache, "p", asked, blur=5, noise=2, steps=40, seed=seed, variant="other", drop=2.0)
    invent(tmp_path, cache, "smooth", asked, blur=8, noise=0)
    invent(tmp_path, cache, "mean_fill", asked, blur=12, noise=0)
    beats = next(one for one in small_paper.claims if one.id == "beats")
    more = beats.model_copy(update={"id": "yardstick", "worse": "method:mean_fill"})
    paper = small_paper.model_copy(update={"claims": [*small_paper.claims, more]})
    floors = FLOORS | {"mean_fill"}
    found = Subject(gather("p", paper, find_records(tmp_path), floors), frozenset(floors), ())
    verdicts = {one.claim.id: one.verdict for one in found.report.chapters[0].findings}
    assert {verdicts[name] for name in ("beats", "ablation", "yardstick")} == {Verdict.SUPPORTED}
    assert [one.finding.claim.id for one in found.strong] == ["beats"]
    assert re.search(
        r"supported .*at quick scale on drawn faces, p ahead of smooth by .* dB in PSNR on", found.strong[0].sentence
    )


def test_page_and_readme_are_whole_and_the_same_when_built_again(front, studio, small_paper):
    page = front_page(front)
    tags = parsed(page)
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe", "object", "img")]
    assert not re.search(r"@import|url\(", page)
    links = {attributes["href"] for tag, attributes in tags if tag == "a"}
    assert {"p/index.html", "#open"} <= links
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    again = Front([subject(small_paper, find_records(studio)[::-1])], {"older": 3})
    assert (front_page(again), front_readme(again)) == (page, front_readme(front))
    for text in (page, front_readme(front)):
        assert "older (3" in text
        assert "python -m bench reproduce p" in text
        assert str(studio) not in text


def test_what_a_paper_says_is_text_on_the_front_page(small_paper, studio):
    claims = [one.model_copy(update={"statement": "<script>alert(1)</script> & [x](y)|"}) for one in small_paper.claims]
    one = subject(small_paper.model_copy(update={"claims": claims}), find_records(studio))
    page, text = front_page(Front([one])), front_readme(Front([one]))
    parsed(page)
    assert "&lt;script&gt;alert(1)" in page
    for written in (page, text):
        assert "<script>" not in written


def test_a_readme_of_somebody_else_stays(front, tmp_path):
    (tmp_path / "README.md").write_text("# Mine\n")
    assert [path.name for path in write_front(tmp_path, front)] == ["index.html"]
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
    (tmp_path / "README.md").write_text(GENERATED + "\n\nold\n")
    assert len(write_front(tmp_path, front)) == 2
    assert "old" not in (tmp_path / "README.md").read_text().splitlines()


def test_the_table_goes_between_the_marks_of_a_readme_and_nothing_else_moves(front, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Mine\n\nBefore.\n\n{BEGIN}\n\nold\n\n{END}\n\nAfter.\n")
    fill(readme, tmp_path / "deep" / "results", front)
    text = readme.read_text()
    assert text.startswith(f"# Mine\n\nBefore.\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nAfter.\n")
    assert "| [p](deep/results/reports/p/claims.md) |" in text
    assert "old" not in text.splitlines()
    fill(readme, tmp_path / "deep" / "results", front)
    assert readme.read_text() == text
    with pytest.raises(UserError, match="needs? it to lie in a folder above"):
        fill(readme, tmp_path.parent / "elsewhere", front)
    readme.write_text("# Mine\n")
    with pytest.raises(UserError, match="no place for the table"):
        fill(readme, tmp_path / "results", front)


def test_time_is_that_of_each_session_and_of_each_run_once(studio, tmp_path, cache):
    record = invent(tmp_path, cache, "flat", protocol(mask_sets=("center",)), blur=3)
    events = [
        {"time": 100.0, "cpu": 4.0, "event": "started"},
        {"time": 130.0, "cpu": 24.0, "event": "trained"},
        {"time": 1000.0, "cpu": 1.0, "event": "started"},
        {"time": 1005.0, "cpu": 5.0, "event": "record written"},
    ]
    path = record.folder / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in events) + '{"time": 99')
    found = cost([record, record])
    assert (found.wall, found.cpu, found.runs, found.timed, found.metered) == (35.0, 24.0, 1, 1, 1)
    path.write_text("".join(json.dumps({k: v for k, v in one.items() if k != "cpu"}) + "\n" for one in events))
    assert cost([record]).text == "1 min on the clock"
    path.unlink()
    assert cost([record]).text == "not recorded"


def test_readme_shows_the_table_of_results():
    """`python -m bench report --out results --readme README.md` writes both."""
    table = _between(ROOT / "results" / "README.md").replace("](reports/", "](results/reports/")
    assert _between(ROOT / "README.md") == table


def _between(path: Path) -> str:
    _, begin, rest = path.read_text().partition(BEGIN)
    table, end, _ = rest.partition(END)
    assert begin, path
    assert end, path
    return table
