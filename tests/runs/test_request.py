"""The request: one typed object with every default, from a user's words to a task's JSON and back."""

import typing
from pathlib import Path

import pytest

from bench.cluster.task import Folder, Task
from bench.runs.request import Asked, Request
from bench.training.options import Options
from bench.util.errors import UserError


def test_one_value_stands_for_several_and_texts_for_paths():
    one = Request.of("m", data="faces", seeds=3, include="a.py", out="here", networks=Path("w.pth"))
    assert one == Request(key="m", data=("faces",), seeds=(3,), include=(Path("a.py"),), out=Path("here"),
                          networks=(Path("w.pth"),))  # fmt: skip
    assert Request.of("m", changes=["width=8", "padding=zeros"]).changes == {"width": 8, "padding": "zeros"}
    assert Request.of("m", changes={"width": 8}).changes == {"width": 8}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"sclae": "smoke"}, "There is no option 'sclae'. Did you mean 'scale'?"),
        ({"seeds": -1}, "seeds = -1: Input should be greater than or equal to 0."),
        ({"processes": 0}, "processes = 0: "),
        ({"scale": 3}, "scale = 3: Input should be a valid string."),
        ({"changes": ["width"]}, "--set width: write --set KEY=VALUE."),
    ],
)
def test_bad_values_are_told_in_one_line(asked, told):
    with pytest.raises(UserError, match=told) as caught:
        Request.of("m", **asked)
    assert "\n" not in str(caught.value)


def test_seeds_are_those_asked_for_or_as_many_as_are_usual():
    assert Request(key="m", seeds=(3, 1, 3)).seeds_or(2) == (3, 1)
    assert Request(key="m").seeds_or(2) == (0, 1)
    assert Request(key="m").seeds_or() == (0,)


def test_python_callers_have_every_field_but_the_key():
    assert typing.get_type_hints(Asked).keys() == Request.model_fields.keys() - {"key"}


def test_training_options_are_those_of_the_loop():
    assert Request(key="m").options == Options()
    assert Request(key="m", minutes=1, checkpoint_seconds=2).options == Options(1, 2)


def test_a_task_on_disk_holds_the_request_itself(tmp_path):
    asked = Request.of("m", data="folder=pictures", changes={"width": 8}, seeds=(1, 2), lpips="w", out=tmp_path)
    folder = Folder(tmp_path / "t")
    folder.put(Task(id="t", kind="run", request=asked))
    assert folder.task().request == asked


def test_rooted_leaves_no_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Request.of(
        "m", data=("faces", "folder=a"), mask_sets="masks=m:white", include="b", lpips="c", out="d", networks="e",
        cache="f",
    ).rooted()  # fmt: skip
    assert made.data == ("faces", f"folder={tmp_path}/a")
    assert made.mask_sets == (f"masks={tmp_path}/m:white",)
    assert (made.include, made.networks) == ((tmp_path / "b",), (tmp_path / "e",))
    assert (made.lpips, made.out, made.cache) == (tmp_path / "c", tmp_path / "d", tmp_path / "f")
