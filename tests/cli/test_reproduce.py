"""The whole path, at smoke scale: records, pages, repetition, a second paper elsewhere, kills."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from bench.methods.catalog import ROOT


@pytest.fixture(scope="session")
def smoke(tmp_path_factory, cache):
    """An undisturbed reproduction in a process of its own: (folder, what it printed)."""
    out = tmp_path_factory.mktemp("smoke") / "out"
    done = subprocess.run(command(out), capture_output=True, text=True, env=environment(cache), check=True)
    return out, done.stdout


def command(out):
    words = "-m bench reproduce fang2021 --scale smoke --checkpoint-seconds 0 --out"
    return [sys.executable, *words.split(), str(out)]


def environment(cache):
    return os.environ | {"INPAINT_BENCH_CACHE": str(cache)}


def results(out):
    """Everything that must be the same bits: records, scores, weights, predictions."""
    kept = ("record.json", "scores.csv", "scalars.csv", "*.npy", "trained-*.pt")
    files = sorted(path for pattern in kept for path in (out / "runs").rglob(pattern))
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_it_ends_with_records_pages_and_their_paths(smoke):
    out, printed = smoke
    names = {path.parent.name.split("-seed")[0] for path in (out / "runs").glob("*/*/record.json")}
    assert names == {"fang2021", "mean_fill", "harmonic", "biharmonic", "telea", "navier_stokes", "criminisi"}
    assert str(out / "reports" / "fang2021" / "index.html") in printed.splitlines()[-3]
    assert printed.splitlines()[0] == f"Output: {out}"
    for word in ("not comparable", "contradicted", "inconclusive", "PSNR"):
        assert word in printed


def test_a_record_tells_where_its_numbers_come_from(smoke):
    out, _ = smoke
    record = json.loads(next((out / "runs").glob("*/fang2021-*/record.json")).read_text())
    assert record["command"] == "python -m bench evaluate fang2021 --scale smoke --data faces --seed 0"
    assert record["training"]["steps"] == 6
    assert record["packages"]["torch"]
    assert record["data"]["counts"]["test"] == 6
    assert set(record["mask_sets"]) == {"center", "random", "irregular", "shapes", "sizes"}
    assert record["lpips"]["version"] == "alex v0.1" or record["lpips"]["reason"].startswith("no weights")
    assert not any(key in json.dumps(record) for key in ('"time"', '"date"', '"host'))


def test_what_is_done_is_not_done_again(smoke, bench):
    out, _ = smoke
    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("record.json")}
    code, printed, _ = bench("reproduce", "fang2021", "--scale", "smoke", "--out", out)
    assert code == 0
    assert "0 of 7 records to create" in printed
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_records_without_lpips_are_scored_again_once_its_weights_are_there(smoke, bench, monkeypatch):
    from bench.runs import experiment

    made = []
    monkeypatch.setattr(experiment.Lpips, "open", lambda *_: object())
    monkeypatch.setattr(experiment.Experiment, "make", lambda self, progress, force: made.append(self.run.method))
    code, printed, error = bench("reproduce", "fang2021", "--scale", "smoke", "--out", smoke[0])
    assert code == 0, error
    assert "7 of 7 records to create" in printed
    assert len(made) == 7


def test_force_makes_the_same_bits_again(smoke, bench, tmp_path):
    out, _ = smoke
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    code, _, error = bench("evaluate", "fang2021", "--scale", "smoke", "--out", copy, "--force")
    assert code == 0, error
    assert results(copy) == results(out)


@pytest.mark.slow
def test_killed_at_random_and_started_again_it_ends_with_the_same_bits(cache, tmp_path):
    """Three kills, or as many as KILLS says (.ci/kill-ten says ten)."""
    longer = ["--set", "steps=60", "--set", "l1_first_steps=30"]
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(command(straight) + longer, env=environment(cache), check=True, stdout=subprocess.DEVNULL)
    chance = random.Random(0)
    for number in range(int(os.environ.get("KILLS", "3"))):
        process = subprocess.Popen(command(killed) + longer, env=environment(cache), stdout=subprocess.DEVNULL)
        if number % 3 == 2:  # anywhere: while importing, drawing data, scoring, writing pages
            time.sleep(chance.uniform(0, 12))
        else:  # in the training, further on each time
            target = steps_saved(killed) + chance.randrange(1, 8)
            while steps_saved(killed) < target and process.poll() is None:
                time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command(killed) + longer, env=environment(cache), check=True, stdout=subprocess.DEVNULL)
    assert results(killed) == results(straight)
    assert starts(killed) > 1
    assert any(event["event"] == "resumed" for event in events(killed))


def events(out):
    """What the events file of the paper's own run says; an unfinished last line is what a kill may leave."""
    lines = [line for path in (out / "runs").glob("*/fang2021*/events.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.endswith("}")]


def starts(out):
    return sum(event["event"] == "started" for event in events(out))


def steps_saved(out):
    """Steps in the newest checkpoint; the second stage of these runs begins at 30."""
    names = [path.name.split("-") for path in (out / "runs").glob("*/fang2021*/checkpoints/step-*.pt")]
    return max((30 * int(stage) + int(step) for _, stage, step, _ in names), default=0)


@pytest.mark.slow
def test_a_paper_copied_elsewhere_is_found_checked_and_reproduced(smoke, bench, tmp_path):
    shutil.copytree(ROOT / "papers" / "fang2021", tmp_path / "elsewhere" / "mine2022")
    include = ("--include", tmp_path / "elsewhere")
    _, printed, _ = bench("list", *include)
    assert "mine2022" in printed
    code, printed, error = bench("check", tmp_path / "elsewhere" / "mine2022")
    assert code == 0, printed + error
    out = tmp_path / "out"
    code, printed, error = bench("reproduce", "mine2022", "--scale", "smoke", "--out", out, *include)
    assert code == 0, error
    assert (out / "reports" / "mine2022" / "index.html").exists()
    scores = next((out / "runs").glob("*/mine2022-*/scores.csv")).read_bytes()
    assert scores == next((smoke[0] / "runs").glob("*/fang2021-*/scores.csv")).read_bytes()


def test_inpaint_with_a_trained_run(smoke, bench, tmp_path):
    import numpy as np
    from PIL import Image

    picture = np.random.default_rng(1).integers(0, 256, (72, 96, 4), dtype=np.uint8)
    picture[..., 3] = 255
    picture[20:40, 30:50, 3] = 0
    Image.fromarray(picture).save(tmp_path / "cut.png")
    words = ("inpaint", tmp_path / "cut.png", "--mask", "alpha", "--out", smoke[0], "-o", tmp_path / "filled.png")
    for method in ("fang2021", "harmonic"):
        code, _, error = bench(*words, "--method", method, "--force")
        assert code == 0, error
        filled = np.asarray(Image.open(tmp_path / "filled.png"))
        known = picture[..., 3] == 255
        assert filled.shape == (72, 96, 3)
        assert (filled[known] == picture[..., :3][known]).all()


def test_light_verbs_are_light():
    for words in (["list"], ["--help"], ["reproduce", "--help"]):
        program = f"""
import sys
from bench.cli.main import main
sys.argv = ["bench", *{words!r}]
try:
    main()
finally:
    print("torch" in sys.modules, "numpy" in sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "False False", words
