"""Invented record.json documents."""

from dataclasses import replace

from bench.runs.parts import DataManifest, Leakage, MaskSetManifest
from bench.runs.records import RecordContent

NO_LPIPS = "no weights: put alexnet-owt-7be5be79.pth into hub/checkpoints (244,408,911 bytes)"


def data_manifest(**changes):
    values = {
        "name": "faces", "resolution": 64, "split": "in words", "crop": "none", "licences": [], "notes": [],
        "counts": {"train": 50, "test": 9, "set_aside": 1}, "groups": {"train": 50, "test": 9},
        "sha256": {"train": "0", "test": "1"}, "mean_colour": [0.5, 0.5, 0.5], "skipped": [], "repeated": [],
    }  # fmt: skip
    return DataManifest.model_validate(values | changes)


def mask_set_manifest(name, sha256="0", side=64, share=0.25):
    return MaskSetManifest(
        name=name, version=1, height=side, width=side, count=9, sha256=sha256, hole_share=[0] * 9 + [9],
        mean_share=share,
    )  # fmt: skip


def leakage(**changes):
    values = {
        "test_images": 100, "train_images": 500, "exact": 0, "near": 0, "examples": [], "training_holes": 0,
        "near_rule": {"hamming_at_most": 8, "correlation_at_least": 0.985}, "holes_shared": {}, "mask_files_shared": {},
    }  # fmt: skip
    return Leakage.model_validate(values | changes)


def training(*stages, steps=100, batch_size=8, **blind):
    """TrainingFacts of stages of equal length; `blind` is what every stage says of its discriminators."""
    facts = [{"name": name, "steps": steps, "batch_size": batch_size, "blind": blind} for name in stages]
    return {"stages": facts, "steps": steps * len(stages), "parameters": {"net": 1}, "weights_sha256": "0"}


def content(run, **changes):
    """Whole, and true to the run but for its data manifest."""
    side = run.protocol.resolution
    values = {
        "key": run.key,
        "run": run,
        "command": f"python -m bench evaluate {run.method}",
        "data": data_manifest(),
        "mask_sets": {name: mask_set_manifest(name, digest, side) for name, digest in run.mask_sets.items()},
        "code": {"commit": "0123456789abcdef", "dirty": True, "diff_sha256": "fedcba98", "method_sha256": run.code},
        "packages": {"python": "3.11.7", "torch": "2.15.0", "numpy": "2.4.0"},
        "hardware": {"device": "cpu", "cpu": "a processor", "cores": 2, "threads": 2, "gpu": None, "system": "Linux",
                     "machine": "x86_64"},
        "lpips": {"version": None, "reason": NO_LPIPS},
        "notes": [],
        "scores_sha256": "0",
        "predictions_sha256": {},
    }  # fmt: skip
    return RecordContent.model_validate(values | changes)


def altered(record, run=None, **changes):
    """The record with these fields of its document changed; `run` is a mapping of the run's fields."""
    if run is not None:
        changes["run"] = record.run.model_copy(update=run)
    return replace(record, content=record.content.model_copy(update=changes))
