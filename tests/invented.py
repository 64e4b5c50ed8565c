"""Invented records for tests of the pages: true metrics of made-up fillings, written as a run writes them."""

import numpy as np
import pandas as pd
import torch
from kept import content
from scipy.ndimage import gaussian_filter

from bench.calibration.planted import spoken
from bench.data import load
from bench.data.protocol import Protocol
from bench.masks.sets import mask_set
from bench.metrics import score
from bench.metrics.probed import PROBES
from bench.paper import Paper
from bench.runs.parts import DataManifest, MaskSetManifest
from bench.runs.records import Run, read_record
from bench.runs.shown import keep_raw
from bench.util.files import sha256, whole, write_json

MASK_SETS = ("center", "random", "irregular")
FLOORS = {"flat", "smooth"}


def paper():
    """A small paper with a claim of every kind, and text that would break a page that does not escape it."""
    table = {
        "title": "Table 1: <b>bold</b> numbers | bars",
        "note": "A note.",
        "protocols": {
            "a": {"data": "imagenet", "split": "official test", "images": 20000, "resolution": [256, 256],
                  "mask_set": {"kind": "center", "hole": [128, 128]}, "hole_share": 0.25, "scored": "not said"},
            "b": {"data": "imagenet", "split": "not said", "images": 300, "resolution": [256, 256],
                  "mask_set": "not said", "hole_share": "not said", "scored": "not said"},
        },
        "columns": {
            "l1": {"title": "l1", "unit": "%", "better": "lower", "metric": "l1", "definition": "not said"},
            "psnr": {"title": "PSNR", "unit": "dB", "better": "higher", "metric": "psnr", "definition": "psnr"},
        },
        "rows": {
            "rival": {"label": "Rival", "protocol": "a", "origin": "its own paper",
                      "cells": {"l1": "13.57", "psnr": "19.22"}},
            "ours": {"label": "Ours", "ours": True, "protocol": "b", "origin": "here",
                     "cells": {"l1": "8.2", "psnr": "19.32"}},
        },
    }  # fmt: skip
    said = {"section": "4", "table": "t1"}
    claims = [
        {"id": "beats", "kind": "order", "section": "1", "statement": "Beats <script>alert(1)</script> floors | all.",
         "better": "variant:default", "worse": "best floor", "metric": "psnr", "mask_sets": ["center", "random"],
         "margin": 0.1},
        {"id": "ablation", "kind": "order", "section": "2", "statement": "The part is needed.",
         "better": "variant:default",
         "worse": "variant:other", "metric": "ssim", "mask_sets": ["center"], "margin": 0.002},
        {"id": "untried", "kind": "order", "section": "2", "statement": "The rest too.", "better": "variant:default",
         "worse": "variant:untried", "metric": "ssim", "mask_sets": ["center"]},
        {"id": "bright", "kind": "bound", "section": "3", "statement": "Over 20 dB.", "of": "variant:default",
         "metric": "psnr", "mask_sets": ["random"], "above": 20},
        {"id": "calm", "kind": "trace", "section": "3", "statement": "The critic comes to rest.",
         "of": "variant:default",
         "stage": "adversarial", "scalar": "critic", "check": "vanishes", "below": 0.1, "against": "variant:other",
         "share": 0.5},
        {"id": "large", "kind": "trend", "section": "3", "statement": "Large holes are worse.", "of": "variant:default",
         "metric": "psnr", "mask_sets": ["random"], "with": "hole_share", "falls": True},
        {"id": "robust", "kind": "order", "section": "3", "statement": "Noise does not matter.",
         "better": "variant:default",
         "worse": "best floor", "metric": "amplify_noise", "mask_sets": ["center"]},
        {"id": "cell", "kind": "cell", "statement": "19.32 dB.", "row": "ours", "column": "psnr", "mask_set": "random",
         "margin": 0.5} | said,
        {"id": "scale", "kind": "arithmetic", "statement": "Rows compare.", "check": "one scale", "l1": "l1",
         "psnr": "psnr"} | said,
        {"id": "beauty", "kind": "judgement", "section": "5", "statement": "It is beautiful.",
         "why": "Beauty has no measure."},
    ]  # fmt: skip
    part = {"summary": "Small networks.", "cost": "a minute (estimate)"}
    ledger = {
        "id": "L-1",
        "class": "omitted",
        "section": "3",
        "statement": "A size is missing.",
        "decision": "8.",
        "variants": ["other"],
    }
    return Paper.model_validate(
        {
            "paper": {"title": "On <holes>", "authors": ["A. B."], "year": 2020, "doi": "10.1/x", "summary": "Five."},
            "tables": {"t1": table},
            "claims": [spoken(claim) for claim in claims],
            "ledger": [ledger],
            "scales": {"smoke": part, "quick": part, "paper": part},
            "variants": {name: {"summary": name, "settings": {}} for name in ("other", "untried")},
        }
    )  # fmt: skip


def protocol(images=60, test_images=8, data="faces", mask_sets=MASK_SETS, probes=()):
    return Protocol(
        data=data, resolution=64, images=images, split=(50, 9, 1), test_images=test_images, mask_sets=mask_sets,
        probes=probes,
    )  # fmt: skip


def invent(out, cache, method, asked, blur, noise=4.0, variant="default", seed=0, scale="quick", steps=0, exact=0,
           drop=0.0):  # fmt: skip
    """A record whose fillings are the truth, blurred and noised; the first `exact` images are filled exactly.

    Its last stage ends so many dB under its first.
    """
    data = load(asked, cache)
    ids, truth = data.test.ids, np.array(data.test.pixels)
    run = Run(
        method=method, variant=variant, scale=scale, seed=seed, settings={"blur": blur}, protocol=asked,
        code=sha256(method.encode()), data=data.fingerprint,
        mask_sets={name: mask_set(name).fingerprint(ids, 64, 64) for name in asked.mask_sets},
    )  # fmt: skip
    folder = run.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(method + variant) + seed)
    tables = []
    for name in asked.mask_sets:
        holes = mask_set(name).holes(ids, 64, 64)
        filled = gaussian_filter(truth.astype(float), (0, 0, blur, blur)) + rng.normal(0, noise, truth.shape)
        raw = filled.round().clip(0, 255).astype(np.uint8)
        raw[:exact] = truth[:exact]
        composite = torch.where(holes, torch.from_numpy(raw), torch.from_numpy(truth))
        with whole(folder / "predictions" / f"{name}.npy") as file:
            np.save(file, composite.numpy(), allow_pickle=False)
        scores = score(torch.from_numpy(truth), composite, holes, torch.from_numpy(raw), None)
        columns = {"mask_set": name, "image": ids, "group": data.test.groups}
        columns |= {"hole_share": holes.double().mean(dim=(1, 2, 3)).tolist()}
        tables.append(pd.DataFrame(columns | {key: value.tolist() for key, value in scores.items()}))
        keep_raw(folder, name, raw, tables[-1])
    written = {"scores": pd.concat(tables).to_csv(index=False, float_format="%.17g")}
    if steps:
        written["scalars"] = curves(steps, rng)
        written["heldout"] = heldout(steps, drop, rng)
    if asked.probes:
        about = {"mask_set": "center", "image": ids, "group": data.test.groups}
        written["probes"] = pd.DataFrame(about | probes(asked, len(ids), blur, rng)).to_csv(index=False)
    for name, text in written.items():
        (folder / f"{name}.csv").write_text(text)
    hashes = {f"{name}_sha256": sha256(text.encode()) for name, text in written.items()}
    write_json(folder / "record.json", invented(run, data, steps, hashes).model_dump(mode="json"))
    return read_record(folder)


def probes(asked, count, blur, rng):
    """Values around the blur; of the first image there is no amplification."""
    names = [metric.id for probe in asked.probes for metric in PROBES[probe]]
    values = {name: blur + rng.random(count) for name in names}
    for name in names:
        values[name][0] = np.inf if name.startswith("amplify") else values[name][0]
    return values


def invented(run, data, steps, hashes):
    lengths = {"reconstruction": steps - steps // 5, "adversarial": steps // 5}
    stages = [{"name": name, "steps": length, "batch_size": 8} for name, length in lengths.items()]
    parameters = {"generator": 181_234, "critics": 44_001}
    training = {"steps": steps, "stages": stages, "parameters": parameters, "weights_sha256": "0"}
    return content(
        run,
        command=f"python -m bench reproduce {run.method}",
        data=DataManifest.model_validate(data.manifest),
        mask_sets={
            name: MaskSetManifest.model_validate(mask_set(name).manifest(data.test.ids, 64, 64))
            for name in run.mask_sets
        },
        training=training if steps else None,
        **hashes,
    )


def heldout(steps, drop, rng):
    names, rows = [f"t{place}" for place in range(24)], []
    for stage, length, end in (("reconstruction", steps - steps // 5, 20), ("adversarial", steps // 5, 20 - drop)):
        for moment in (length // 2, length):
            for name in names:
                rows.append([stage, moment, name, name, end + 0.1 * rng.random(), 15.0])
    columns = ["stage", "step", "image", "group", "psnr_hole", "psnr_mean_fill"]
    return pd.DataFrame(rows, columns=columns).to_csv(index=False)


def curves(steps, rng):
    rows = []
    for stage, length, names in (
        ("reconstruction", steps - steps // 5, ["l1_hole", "l1_known"]),
        ("adversarial", steps // 5, ["l1_hole", "l1_known", "critic", "gradient_penalty"]),
    ):
        for step in range(1, length + 1, max(1, length // 100)):
            for name in names:
                rows.append([stage, step, name, np.exp(-2 * step / length) * 0.2 + 0.01 * rng.random()])
    return pd.DataFrame(rows, columns=["stage", "step", "name", "value"]).to_csv(index=False)
