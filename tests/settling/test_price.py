"""What an answer costs beside what is run anyway, against sums by hand."""

import pytest

from bench.claims import Finding, Verdict
from bench.cluster.campaign import Campaign, Planned
from bench.cluster.profile import Placement
from bench.cluster.task import Task
from bench.data.protocol import Protocol
from bench.runs.rates import Pace, Rate
from bench.runs.request import Request
from bench.runs.spotcheck import PICTURES
from bench.settling.price import ROUND_SECONDS, Prices, first_round, gather_rates, offers, runs_at_once, unmeasured
from bench.settling.question import Need, Question, Wanted

PROTOCOL = Protocol(data="faces", resolution=16, images=100, split=(8, 1, 1), test_images=30, mask_sets=("center",))
SCORING = 0.5 * (30 + PICTURES)
"""Seconds of a run beside its training: half a second for each image, and for those of the spot check."""


def need(variant="default", seed=0, steps=10, state="", training=None, shared=(), method="p", left=None):
    wanted = Wanted(paper="p", data="faces", method=method, variant=variant, seed=seed)
    task = Task(
        id=f"{method}-{variant}-{seed}", kind="run", request=Request.of(method, seeds=seed), protocol=PROTOCOL,
        settings={"variant": variant}, trains=bool(steps), training=training or f"{method} {variant} {seed}",
    )  # fmt: skip
    stages = {"one": steps, "two": steps} if steps and left is None else {}
    return Need(wanted, Planned(task, state, stages, {"center": 30}, shared))


def rate(seconds=1.0):
    pace = Pace(wall=seconds, cpu=seconds, count=1)
    image = Pace(wall=0.5, cpu=0.5, count=1)
    return Rate("CPU", {"train": {"one": pace, "two": pace}, "score": {"center": image}})


def question(name, *needs, seeds=3):
    claim = type("Claim", (), {"id": name})()
    return Question("p", Finding(claim, Verdict.NOT_ATTEMPTED, "", seeds=seeds), PROTOCOL, needs)


@pytest.fixture
def campaign(tmp_path):
    return Campaign([Request.of("p", out=tmp_path)], Placement().profile(), direct=True)


def prices(campaign, questions, at_once=1, known=None):
    names = {one.planned.task.rate_name for each in questions for one in each.needs}
    return Prices(campaign, questions, dict.fromkeys(names, rate()) if known is None else known, at_once)


def default(seeds):
    return [need(seed=seed) for seed in range(seeds)]


def test_what_claims_share_is_paid_once_and_the_cheapest_comes_first(campaign):
    variant = [need("other", seed) for seed in range(3)]
    asked = [question("both", *default(3), *variant), question("own", *default(3)), question("again", *default(3))]
    found = offers(asked, prices(campaign, asked), 1e9)
    assert [one.question.finding.claim.id for one in found] == ["own", "again", "both"]
    each = 3 * (20 + SCORING)
    assert [one.seconds for one in found] == pytest.approx([each, 0, each])
    assert [one.until for one in found] == pytest.approx([each, each, 2 * each])
    assert [len(one.adds) for one in found] == [3, 0, 3]


def test_runs_that_are_done_cost_nothing(campaign):
    asked = [question("own", need(state="done"), need(seed=1))]
    assert offers(asked, prices(campaign, asked), 1e9)[0].seconds == pytest.approx(20 + SCORING)


def test_a_training_that_another_run_has_done_or_will_do_is_not_paid_again(campaign):
    twin = need("search", training="p default 0")
    asked = [question("own", need()), question("twin", need(), twin)]
    found = offers(asked, prices(campaign, asked), 1e9)
    assert [one.seconds for one in found] == pytest.approx([20 + SCORING, SCORING])
    done = [question("twin", need(state="done", left=0), twin)]
    assert offers(done, prices(campaign, done), 1e9)[0].seconds == pytest.approx(SCORING)
    without_networks = [question("twin", need(state="done"), twin)]
    assert offers(without_networks, prices(campaign, without_networks), 1e9)[0].seconds == pytest.approx(20 + SCORING)


def test_a_stage_that_another_run_makes_is_taken_over(campaign):
    asked = [question("a", need(shared=["stage"])), question("b", need(shared=["stage"]), need("b", shared=["stage"]))]
    found = offers(asked, prices(campaign, asked), 1e9)
    assert [one.seconds for one in found] == pytest.approx([20 + SCORING, 10 + SCORING])


def test_runs_side_by_side_share_the_clock(campaign):
    asked = [question("own", *default(3))]
    assert offers(asked, prices(campaign, asked, at_once=3), 1e9)[0].seconds == pytest.approx(20 + SCORING)


def test_what_does_not_fit_stays_out_and_so_does_what_is_unknown(campaign):
    asked = [question("own", *default(1)), question("three", *default(3)), question("x", need("x", method="x"))]
    one, known = 20 + SCORING, {default(1)[0].planned.task.rate_name: rate()}
    found = offers(asked, prices(campaign, asked, known=known), 2.5 * one)
    assert [(each.taken, each.seconds) for each in found] == [
        (True, pytest.approx(one)),
        (False, pytest.approx(2 * one)),
        (False, None),
    ]
    assert len(found[2].adds) == 1
    assert [each.taken for each in offers(asked, prices(campaign, asked, known=known), 1e9, blind=True)] == [True] * 3


def test_answered_claims_and_hopeless_ones_are_offered_no_run(campaign):
    answered = Question("p", Finding(None, Verdict.SUPPORTED, ""), PROTOCOL)
    hopeless = Question("p", Finding(None, Verdict.INCONCLUSIVE, "because"), PROTOCOL, hindrance="no weights")
    made = question("made", need(state="done"))
    assert offers([answered, hopeless, made], prices(campaign, [answered, hopeless, made]), 1e9) == []
    assert [one.why_not for one in (answered, hopeless, made)] == ["", "no weights", ""]


def test_a_round_takes_the_cheapest_first_and_leaves_budget_for_the_next(campaign):
    asked = [question(name, *[need(name, seed) for seed in range(3)]) for name in "abcdefgh"]
    each, budget = 3 * (20 + SCORING), 24 * (20 + SCORING)
    found = offers(asked, prices(campaign, asked), budget)
    assert all(one.taken for one in found)
    chosen = first_round(found, budget)
    assert [one.question.finding.claim.id for one in chosen] == list(
        "abcdefgh"[: int(max(ROUND_SECONDS, budget / 3) / each)]
    )
    assert len(chosen) < len(found)
    assert first_round(offers(asked, prices(campaign, asked), 1.0), 1.0) == []


def test_a_single_claim_may_take_all(campaign):
    asked = [question("long", *[need(seed=seed, steps=500) for seed in range(3)])]
    found = offers(asked, prices(campaign, asked), 1e4)
    assert first_round(found, 1e4) == found


def test_an_unmeasured_variant_takes_the_time_of_its_method(campaign):
    from bench.runs import rates
    from bench.runs.meter import Spent, Tally

    known, variant, other = need(), need("b"), need("c", method="rival")
    task = known.planned.task
    rates.put(campaign.out, task.rate_name, "score", {"center": Tally(10, Spent(5.0, 5.0))})
    found = gather_rates(campaign, [variant, known, other])
    assert found[variant.planned.task.rate_name] == found[task.rate_name]
    assert other.planned.task.rate_name not in found
    assert [one.id for one in unmeasured([variant, known, other], found)] == [other.planned.task.id]


def test_of_an_unmeasured_method_the_one_as_printed_is_calibrated():
    assert [one.id for one in unmeasured([need("b"), need(), need("c")], {})] == ["p-default-0"]


def test_runs_share_the_cores_unless_each_has_several(monkeypatch):
    monkeypatch.setattr("bench.settling.price.cores", lambda: 4)
    asked = Request.of("p")
    assert runs_at_once(asked, gpu=False) == 4
    assert runs_at_once(asked, gpu=True) == 1
    assert runs_at_once(asked.but(threads=2), gpu=False) == 1
    assert runs_at_once(asked.but(workers=3), gpu=False) == 3
