import re
import shlex
from pathlib import Path

from invented import FLOORS, invent, protocol

from bench.report import gather
from bench.report.again import commands
from bench.runs.records import find_records


def lines(out, paper, include=()):
    return commands(gather("p", paper, find_records(out), FLOORS), FLOORS, include)


def test_variants_and_seeds_beyond_a_plain_run_are_named(studio, small_paper):
    assert lines(studio, small_paper) == ["python -m bench reproduce p --variant other --seed 0 --seed 1"]


def test_a_line_for_each_protocol_with_its_scale_and_data(tmp_path, cache, small_paper):
    for scale, data in (("quick", "faces"), ("smoke", "photos")):
        asked = protocol(images=12, test_images=2, data=data, mask_sets=("center",))
        invent(tmp_path, cache, "p", asked, blur=1, scale=scale)
        invent(tmp_path, cache, "flat", asked, blur=9, scale=scale)
    plain, smoke = lines(tmp_path, small_paper)
    assert plain == "python -m bench reproduce p"
    assert smoke == "python -m bench reproduce p --scale smoke --data photos"


def test_other_methods_are_asked_for_and_the_file_of_the_paper_is_named(tmp_path, cache, small_paper):
    asked = protocol(images=12, test_images=2, mask_sets=("center",))
    for method in ("p", "rival"):
        invent(tmp_path, cache, method, asked, blur=1)
    (line,) = lines(tmp_path, small_paper, [Path("my papers/p")])
    assert shlex.split(line)[3:] == ["reproduce", "p", "--with-baselines", "--include", "my papers/p"]


def test_without_a_record_the_plain_command(tmp_path, small_paper):
    assert lines(tmp_path, small_paper) == ["python -m bench reproduce p"]


def test_every_command_in_a_verdict_names_where_the_paper_was_found(studio, small_paper):
    place = Path("my papers/p")
    for records in (find_records(studio), []):
        plain = gather("p", small_paper, records, FLOORS)
        report = gather("p", small_paper, records, FLOORS, [place])
        told = [finding.why for chapter in report.chapters for finding in chapter.findings]
        told += [finding.why for finding in report.settled]
        lines = [line for why in told for line in re.findall("`(python -m bench .*?)`", why)]
        assert lines
        assert all("--include 'my papers/p'" in line for line in lines)
        assert [one.why.replace(f" --include '{place}'", "") for one in report.settled] == [
            one.why for one in plain.settled
        ]
