"""Invented record.json documents."""

from dataclasses import replace

from bench.calibration.planted import NO_LPIPS, content, data_manifest, mask_set_manifest
from bench.runs.parts import Leakage

__all__ = ["NO_LPIPS", "altered", "content", "data_manifest", "leakage", "mask_set_manifest", "training"]


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


def altered(record, run=None, **changes):
    """The record with these fields of its document changed; `run` is a mapping of the run's fields."""
    if run is not None:
        changes["run"] = record.run.model_copy(update=run)
    return replace(record, content=record.content.model_copy(update=changes))
