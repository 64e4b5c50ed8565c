"""Verbs take their options from the request's fields; what was renamed is said in one line."""

import inspect

import pytest

from bench.cli import picture, queue, runs
from bench.cli.options import OPTIONS, asks
from bench.cluster.profile import Placement
from bench.runs.request import Request

VERBS = [runs.reproduce, runs.train, runs.evaluate, runs.report, picture.inpaint, queue.submit, queue.plan]


def test_the_table_has_the_fields_of_the_models():
    assert OPTIONS[Request].keys() == Request.model_fields.keys() - {"cache"}
    assert OPTIONS[Placement].keys() == Placement.model_fields.keys() - {"cluster"}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_verb_repeats_no_default(verb):
    """What the command line says where a user says nothing is the model's default."""
    for name, parameter in inspect.signature(verb).parameters.items():
        for model in (Request, Placement):
            if name in OPTIONS[model] and not model.model_fields[name].is_required():
                default = model.model_fields[name].get_default(call_default_factory=True)
                several = isinstance(default, tuple | dict)
                assert parameter.default in ([list(default) or None, *default] if several else [default]), name


def test_a_verb_gets_the_request_and_one_for_each_of_several_keys():
    got = []

    @asks(Request, "key seeds scale")
    def one(request: Request, more: int = 1) -> None:
        got.append((request, more))

    @asks(Request, "key scale")
    def several(requests: list[Request]) -> None:
        got.append(requests)

    one(key="a", seeds=[1, 2], scale="smoke", more=3)
    several(key=["a", "b"], scale="smoke")
    assert got == [
        (Request(key="a", seeds=(1, 2), scale="smoke"), 3),
        [Request(key="a", scale="smoke"), Request(key="b", scale="smoke")],
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("evaluate", "harmonic", "--suite", "center"), "--suite was renamed: use --masks."),
        (
            ("score", "out", "--predictions", "p", "--name", "n", "--suite", "center"),
            "--suite was renamed: use --masks.",
        ),
        (
            ("inpaint", "a.png", "--hole", "m.png", "--method", "telea", "-o", "b.png"),
            "--hole was renamed: use --mask.",
        ),
    ],
)
def test_a_renamed_option_is_told(bench, words, told):
    assert bench(*words) == (2, "", f"error: {told}\n")


def test_any_other_unknown_option_is_told_as_ever(bench):
    code, _, err = bench("evaluate", "harmonic", "--suites", "center")
    assert code == 2
    assert "No such option" in err


def test_what_cannot_be_queued_is_told(bench, tmp_path):
    words = ("reproduce", "fang2021", "--scale", "smoke", "--dry-run", "--out", tmp_path)
    assert "--processes is for this machine only" in bench(*words, "--processes", 2)[2]
    assert "--force does not work with --cluster" in bench(*words, "--force")[2]
    err = bench("submit", "torchscript:a.pt", "--cluster", "local", "--out", tmp_path)[2]
    assert "torchscript:a.pt: networks trained elsewhere are not queued" in err
    assert not list(tmp_path.iterdir())
