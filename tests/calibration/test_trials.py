import numpy as np
import pytest

from bench.calibration.rows import ROWS, SECTIONS, Row
from bench.calibration.trials import chosen, run_trials
from bench.claims import Verdict
from bench.util.errors import UserError


def test_what_comes_out_depends_on_the_seed_and_not_on_the_processes():
    rows = chosen(["floor-three-0.3", "coverage-skew-20"])
    found = run_trials(rows, 25, 3, processes=0)
    assert found == run_trials(rows, 25, 3, processes=2)
    assert {name: one.total() for name, one in found.items()} == {"floor-three-0.3": 25, "coverage-skew-20": 25}
    assert found["coverage-skew-20"] != run_trials(rows[1:], 25, 4, processes=0)["coverage-skew-20"]


def test_more_trials_go_on_where_fewer_ended():
    (row,) = chosen(["coverage-skew-20"])
    few, more = (run_trials([row], count, 0, processes=0)[row.name] for count in (20, 40))
    assert few <= more


def test_progress_counts_every_trial():
    heard = []
    rows = chosen(["coverage-normal-20", "coverage-normal-50"])
    run_trials(rows, 13, 0, lambda what, done, total: heard.append((done, total)), processes=0)
    assert heard == [(10, 26), (20, 26), (23, 26), (26, 26)]


def test_an_error_in_a_process_is_told(monkeypatch):
    with pytest.raises(RuntimeError, match="no-such-row"):
        run_trials([Row("no-such-row", "", lambda rng: "")], 3, 0, processes=1)


def test_rows_are_chosen_by_the_beginning_of_their_names():
    assert chosen([]) == list(ROWS.values())
    assert {row.section for row in chosen(["looks"])} == {"looks"}
    assert [row.name for row in chosen(["sets-floors"])] == ["sets-floors-plus", "sets-floors-minus"]
    with pytest.raises(UserError, match=r"--rows loks: no row's name begins so\. Did you mean 'looks'\?"):
        chosen(["loks"])


def test_every_section_has_rows_of_one_kind():
    assert list(dict.fromkeys(row.section for row in ROWS.values())) == list(SECTIONS)
    for section in SECTIONS:
        assert len({row.kind for row in ROWS.values() if row.section == section}) == 1


@pytest.mark.slow
def test_every_row_can_be_drawn_and_judged():
    for row in ROWS.values():
        if not row.name.startswith(("power", "coverage")):
            outcome = row.trial(np.random.default_rng(0))
            assert outcome in (*row.wrong, Verdict.INCONCLUSIVE, Verdict.SUPPORTED, Verdict.NO_DIFFERENCE), row.name
