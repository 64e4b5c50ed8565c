"""docs/python.md: its examples run, in their order, in a folder of their own, as in a notebook."""

import re

import pandas as pd
import pytest

from bench.methods.catalog import ROOT
from bench.runs.request import Request

PAGE = (ROOT / "docs" / "python.md").read_text()


@pytest.mark.slow
def test_the_examples_run(tmp_path, monkeypatch, cache, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INPAINT_BENCH_CACHE", str(cache))
    names = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(blocks) >= 7
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert set(names["result"].verdicts["claim"]) == {claim.id for claim in names["paper"].claims}
    assert isinstance(names["table"], pd.DataFrame)
    assert names["returned"].record.run.method == "opencv"
    assert "psnr" in capsys.readouterr().out


def test_the_page_names_every_field_of_a_request():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`([a-z_]+)`", table)) >= Request.model_fields.keys() - {"key"}
