"""docs/python.md: its examples run, in their order, in a folder of their own, as one plain script."""

import os
import re
import subprocess
import sys

import pytest

from bench.methods.catalog import ROOT
from bench.runs.request import Request

PAGE = (ROOT / "docs" / "python.md").read_text()
CHECKS = """
assert set(result.verdicts["claim"]) == {claim.id for claim in paper.claims}
assert returned.record.run.method == "opencv"
assert table.columns.size and len(table) == 4
"""


@pytest.mark.slow
def test_the_examples_run(tmp_path, cache):
    """A script has no `if __name__ == "__main__"`, and yet no other process may run it again."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(blocks) >= 7
    script = tmp_path / "examples.py"
    script.write_text("print('begun')\n" + "\n".join(blocks) + CHECKS)
    environment = {**os.environ, "INPAINT_BENCH_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    run = [sys.executable, script.name]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("begun") == 1
    assert "psnr" in done.stdout


def test_the_page_names_every_field_of_a_request():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`([a-z_]+)`", table)) >= Request.model_fields.keys() - {"key"}
