"""A small paper, and records of it written by hand, for tests of the verdicts."""

import numpy as np
import pandas as pd

from bench.calibration.planted import content
from bench.calibration.planted import planted_paper as paper
from bench.data.protocol import Protocol
from bench.runs.records import Record, Run
from bench.util.files import sha256

__all__ = ["FLOORS", "IMAGES", "MASK_SETS", "NOISE", "paper", "recorder", "thrice"]

FLOORS = {"flat", "smooth"}
MASK_SETS = ("center", "random")


def recorder(out):
    """Writes a record whose PSNR on the mask sets center and random is `values`."""

    def make(
        method,
        values,
        variant="default",
        seed=0,
        scale="quick",
        groups=None,
        code="c",
        data="faces",
        curves=None,
        probes=None,
        training=None,
        heldout=None,
        **columns,
    ):
        values = np.asarray(values, dtype=float)
        ids = [f"i{index:03d}" for index in range(len(values))]
        base = {"image": ids, "group": ids if groups is None else groups, "hole_share": 0.25}
        base["psnr"] = values
        tables = {
            "scores": pd.concat([pd.DataFrame({"mask_set": mask_set} | base | columns) for mask_set in MASK_SETS])
        }
        if curves is not None:
            rows = [(stage, step, name, value) for (stage, name), line in curves.items() for step, value in line]
            tables["scalars"] = pd.DataFrame(rows, columns=["stage", "step", "name", "value"])
        if probes is not None:
            count = len(next(iter(probes.values())))
            about = {"mask_set": "center", "image": ids[:count], "group": base["group"][:count]}
            tables["probes"] = pd.DataFrame(about | probes)
        if heldout is not None:
            tables["heldout"] = heldout
        protocol = Protocol(
            data=data,
            resolution=256 if scale == "paper" else 64,
            images=500,
            split=(8, 1, 1),
            test_images=len(values),
            mask_sets=MASK_SETS,
            probes=() if probes is None else ("repeat", "perturb"),
        )
        run = Run(
            method=method, variant=variant, scale=scale, seed=seed, settings={}, protocol=protocol, code=code,
            data="d", mask_sets={"center": "1", "random": "2"},
        )  # fmt: skip
        folder = run.folder(out)
        folder.mkdir(parents=True, exist_ok=True)
        hashes = {}
        for name, table in tables.items():
            (folder / f"{name}.csv").write_text(text := table.to_csv(index=False))
            hashes[f"{name}_sha256"] = sha256(text.encode())
        lpips = {"version": None, "reason": "no weights: put them there"}
        return Record(folder, content(run, lpips=lpips, training=training, **hashes))

    return make


IMAGES = np.random.default_rng(0).normal(25, 4, size=200)
NOISE = np.random.default_rng(1).normal(0, 1, size=200)
NOISE = (NOISE - NOISE.mean()) / NOISE.std()


def thrice(make, values, variant="default", **columns):
    """Three seeds that agree."""
    return [make("p", values, variant, seed=seed, **columns) for seed in range(3)]
