"""A run from start to record: train what is not trained, evaluate what is not scored, write the record last."""

import io
import json
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning_fabric import Fabric

from bench.data import Data
from bench.data.protocol import Protocol, ProtocolOverrides, protocols
from bench.masks.sets import mask_set
from bench.methods.base import Inpainter, Method, Stage, no_exit
from bench.methods.catalog import Entry
from bench.methods.pretrained import Pretrained
from bench.methods.settings import DEFAULT, variant_name
from bench.methods.supplied import Values, chosen, hosted_by
from bench.metrics import Lpips
from bench.runs import provenance
from bench.runs.building import build_method, load_networks, load_trained, parameters
from bench.runs.cached_training import (
    MARK,
    curves_are_whole,
    mark,
    mark_done,
    processes_so_far,
    take_from_cache,
    training_key,
)
from bench.runs.evaluation import evaluate, to_csv, to_uint8
from bench.runs.leakage import audit, notes
from bench.runs.parts import DataManifest, MaskSetManifest, PretrainedFacts, SpotCheck, StageFacts, TrainingFacts
from bench.runs.probes import probe
from bench.runs.records import Record, Run, read_record
from bench.runs.request import Request
from bench.runs.shown import unconditional_path
from bench.runs.spotcheck import get_ready, spot_check
from bench.runs.writing import log_event, lpips_facts, write_record
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.processes import tell
from bench.util.files import check_writable, locked, read_json, sealed, sha256, sweep, whole, write_json, write_text
from bench.util.progress import Progress

TRAINING_BYTES = 200 * 2**20
"""Free space asked for before a training starts."""


SAMPLES = 12
"""Unconditional pictures that a run keeps of a method that makes such."""


class TrainingJob(NamedTuple):
    """Which training the other processes shall take part in."""

    folder: Path
    """The run's."""
    key: str
    include: list[Path]
    pack: Path
    """The data's."""


@dataclass(frozen=True)
class Experiment:
    """One run, planned: everything that its key depends on is known."""

    entry: Entry
    run: Run
    data: Data
    folder: Path
    fabric: Fabric
    lpips_folder: Path | None = None
    options: Options = field(default_factory=Options)
    host: Entry | None = None
    """The paper whose protocol the run has, where that is not the method itself."""
    pretrained: Pretrained | None = None
    """Networks from elsewhere, in place of a training."""
    places: dict[str, str] = field(default_factory=dict)
    """Where what the user supplied lies, by setting; the run itself holds hashes."""

    @property
    def title(self) -> str:
        variant = "" if self.run.variant == DEFAULT else f" ({self.run.variant})"
        return f"{self.run.method}{variant}"

    @property
    def replay(self) -> str:
        """The command that makes this run again."""
        run = self.run
        words = ["evaluate", self.entry.call, "--scale", run.scale, "--data", run.protocol.data]
        for path in self.pretrained.files if self.pretrained else ():
            words += ["--weights", str(path)]
        words += ["--trust"] if self.entry.weights else []
        variant = run.variant.partition(",")[0]
        words += ["--variant", variant] if variant != DEFAULT else []
        for key, value in sorted(run.changes.items()):
            words += ["--set", f"{key}={json.dumps(value)}"]
        for key, place in sorted(self.places.items()):
            words += ["--set", f"{key}={place}"]
        usual, named = scale_protocols(self.entry, run.scale, run.protocol.data)[0], [self.entry]
        other_protocol = usual != run.protocol.model_copy(update={"mask_sets": usual.mask_sets})
        if self.host is not None and (other_protocol or hosted_by(self.host, run.scale, run.method)):
            words += ["--paper", self.host.key]
            usual, named = scale_protocols(self.host, run.scale, run.protocol.data)[0], [self.entry, self.host]
        if run.protocol.mask_sets != usual.mask_sets:
            for spec in run.protocol.mask_sets:
                words += ["--masks", spec]
        for entry in named:
            words += ["--include", str(provenance.original(entry.path))] if entry.origin == "--include" else []
        return shlex.join(["python", "-m", "bench", *words, "--seed", str(run.seed)])

    def record(self) -> Record | None:
        return read_record(self.folder)

    def build(self) -> Method:
        """The method with freshly initialised networks, the same bits for the same seed; or with pretrained ones."""
        if self.pretrained is not None:
            return self.pretrained.build(self.run.settings, self.data.facts)
        return build_method(self.entry, self.run.settings | self.places, self.data.facts, self.run.seed)

    def make(self, progress: Progress, force: bool = False) -> Record:
        """The record, computed only if it is not there (or with `force`)."""
        if not force and (record := self.complete()) is not None:
            return record
        with locked(self.folder, progress.say):
            if force:
                self._clear()
            if (record := self.complete()) is not None:
                return record
            self._prepare()
            method = self.train(progress, share=not force)
            return self._evaluate(method, progress)

    def complete(self) -> Record | None:
        """The record, unless it lacks an LPIPS that can be had by now: then it is scored again, not trained again."""
        record = self.record()
        if record is not None and record.content.lpips.version is None and Lpips.open(self.lpips_folder) is not None:
            return None
        return record

    def train(self, progress: Progress, share: bool = True) -> Method:
        """The trained method, trained as far as it is not. The caller holds the lock.

        With `share` the networks of another run are taken where that has been trained in exactly the same way.
        """
        method = self.build()
        stages = method.stages() if self.pretrained is None else ()
        if stages:
            training = Training(self.folder, method, self.data.train, self.run.seed, self.fabric)
            if training.trained is None or not curves_are_whole(self.folder):
                self._train(training, progress, share)
            load_networks(method, self.folder)
        for network in method.networks().values():
            network.to(self.fabric.device)
        return method

    def _train(self, training: Training, progress: Progress, share: bool) -> None:
        begun = any((self.folder / "checkpoints").glob("step-*.pt"))
        processes = sorted({self.fabric.world_size, *(processes_so_far(self.folder) if begun else ())})
        key = training_key(self.run, training.method.after_training, self.data, self.fabric.device.type, processes)
        # Whoever trains holds this lock and waits for none, so that no two runs wait for each other.
        with locked(self.folder, progress.say, self.folder.parents[2] / ".locks" / f"training-{key}"):
            mark(self.folder, key, processes)
            twin = take_from_cache(self.folder, self.run, key) if share else None
            if twin is not None:
                mark_done(self.folder)
                log_event(self.folder, "networks taken", {"from": twin.name})
                progress.say(f"train {self.title}: skipped, reusing the networks of {twin.name}")
                return
            if self.fabric.world_size > 1:
                tell(self.fabric, self._job())
            with progress.task(f"train {self.title}") as report:
                training.run(self.options, report, partial(log_event, self.folder))
            mark_done(self.folder)

    def _job(self) -> TrainingJob:
        """What the other processes of the training must know to take part in it."""
        assert isinstance(self.data.train.pixels, np.memmap)
        include = [self.entry.path] if self.entry.origin == "--include" else []
        return TrainingJob(self.folder, self.entry.key, include, Path(str(self.data.train.pixels.filename)).parent)

    def train_only(self, progress: Progress) -> None:
        with locked(self.folder, progress.say):
            self._prepare()
            self.train(progress)

    def _evaluate(self, method: Method, progress: Progress) -> Record:
        lpips = Lpips.open(self.lpips_folder)
        self._drop_other_scores(lpips)
        with no_exit(self.title):
            inpainter = method.inpainter()
        get_ready()
        with progress.task(f"score {self.title}") as report:
            table = evaluate(
                inpainter,
                self.data.test,
                self.run.protocol.mask_sets,
                self.run.seed,
                self.fabric.device,
                self.folder,
                report,
                lpips,
            )
        write_text(self.folder / "scores.csv", to_csv(table))
        self._draw_samples(method)
        self._probe(inpainter, progress)
        return self._write_record(method, lpips, self._spot_check(progress))

    def _draw_samples(self, method: Method) -> None:
        """The first pictures that a method makes of nothing but chance: what is shown was not selected."""
        with no_exit(self.title):
            pictures = method.samples(SAMPLES, self.run.seed)
        if pictures is not None:
            buffer = io.BytesIO()
            np.save(buffer, to_uint8(pictures.cpu()).numpy())
            with whole(unconditional_path(self.folder)) as file:
                file.write(buffer.getbuffer())

    def _probe(self, inpainter: Inpainter, progress: Progress) -> None:
        run = self.run
        if run.protocol.probes:
            with progress.task(f"probe {self.title}") as report:
                table = probe(
                    inpainter, self.data.test, run.protocol, run.seed, self.fabric.device, self.folder, report
                )
            write_text(self.folder / "probes.csv", to_csv(table))

    def _spot_check(self, progress: Progress) -> SpotCheck:
        """Must come after the scores; what a record keeps of it."""
        weights = self.pretrained.files if self.pretrained else ()
        again = partial(load_trained, self.entry, self.folder, weights)
        with progress.task(f"spot check {self.title}"):
            readable = [self.entry.path, *weights]
            found = spot_check(self.run, self.folder, self.data.test, again, self.fabric.device, readable)
        if found.why:
            progress.say(f"{self.title} is not ranked: {found.why}")
        return found

    def _write_record(self, method: Method, lpips: Lpips | None, checked: SpotCheck) -> Record:
        height, width = self.data.test.pixels.shape[-2:]
        specs, ids = self.run.protocol.mask_sets, self.data.test.ids
        manifests = (mask_set(spec).manifest(ids, height, width) for spec in specs)
        stages = method.stages() if self.run.origin == "run" else ()
        pretrained = self._pretrained()
        # What pretrained weights were trained on is not here, so nothing can be compared with it.
        leakage = audit(self.data, stages, self.run.seed, specs) if pretrained is None else None
        caught = [f"Not ranked: {checked.why}."] if checked.why else []
        return write_record(
            self.folder,
            self.run,
            self.replay,
            DataManifest.model_validate(self.data.manifest),
            {one.name: one for one in map(MaskSetManifest.model_validate, manifests)},
            lpips_facts(lpips, self.lpips_folder),
            device=self.fabric.device.type,
            training=self._training_facts(method, stages) if stages else None,
            leakage=leakage,
            pretrained=pretrained,
            spot_check=checked,
            notes=[*caught, *(pretrained.notes if pretrained else notes(leakage) if leakage else ())],
        )

    def _training_facts(self, method: Method, stages: Sequence[Stage]) -> TrainingFacts:
        weights = sorted((self.folder / "checkpoints").glob("trained-*.pt"))
        return TrainingFacts(
            stages=[
                StageFacts(name=one.name, steps=one.steps, batch_size=one.batch_size, blind=dict(one.blind))
                for one in stages
            ],
            steps=sum(stage.steps for stage in stages),
            parameters=parameters(method),
            weights_sha256=sha256(weights[0].read_bytes()),
            processes=tuple(processes_so_far(self.folder)),
        )

    def _pretrained(self) -> PretrainedFacts | None:
        """What is known of networks from elsewhere; None for a run of ours."""
        facts = self.pretrained.facts if self.pretrained is not None else self.entry.pretrained_facts()
        return PretrainedFacts.model_validate(facts) if facts else None

    def _drop_other_scores(self, lpips: Lpips | None) -> None:
        """Forget scores of an unfinished evaluation that other weights, another device or other metrics have made."""
        trained = sorted(path.name for path in (self.folder / "checkpoints").glob("trained-*.pt"))
        now = {"trained": trained, "device": self.fabric.device.type, "lpips": lpips is not None}
        place = self.folder / "predictions"
        made_by = place / "made_by.json"
        if place.exists() and (not made_by.exists() or read_json(made_by) != now):
            (self.folder / "record.json").unlink(missing_ok=True)
            shutil.rmtree(place)
        write_json(made_by, now)

    def _prepare(self) -> None:
        check_writable(self.folder, TRAINING_BYTES)
        for folder in (self.folder, *(path for path in self.folder.iterdir() if path.is_dir())):
            sweep(folder)
        beside = {"facts": self.data.facts._asdict(), "places": self.places}
        write_json(self.folder / "run.json", sealed(self.run.model_dump(mode="json") | beside))
        log_event(self.folder, "started", {"key": self.run.key})

    def _clear(self) -> None:
        """Forget the run: the record first, so that no kill leaves a record without its files."""
        (self.folder / "record.json").unlink(missing_ok=True)
        for name in ("scores.csv", "probes.csv", "scalars.csv", "heldout.csv", MARK):
            (self.folder / name).unlink(missing_ok=True)
        for name in ("predictions", "checkpoints", "samples", "tensorboard"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


def plan(
    entry: Entry,
    request: Request,
    seed: int,
    protocol: Protocol,
    data: Data,
    fabric: Fabric,
    host: Entry | None = None,
    pretrained: Pretrained | None = None,
) -> Experiment:
    """Everything about one run of a request that is known before it starts.

    Raises UserError for an unknown variant or setting.
    """
    scale, variant, changes = request.scale, request.variant, request.changes
    if pretrained is not None:
        values = Values(pretrained.settings(scale, variant, changes), {})
        code, weights = pretrained.code(), pretrained.sha256
    else:
        values = chosen(entry, scale, variant, changes, hosted_by(host, scale, entry.key))
        changes = {name: value for name, value in changes.items() if name not in values.places}
        code, weights = entry.code(), entry.weights
    height, width = data.test.pixels.shape[-2:]
    run = Run(
        method=entry.key,
        variant=variant_name(variant, changes),
        scale=scale,
        seed=seed,
        settings=values.settings,
        changes=changes,
        protocol=protocol,
        code=code,
        data=data.fingerprint,
        mask_sets={
            mask_set(spec).name: mask_set(spec).fingerprint(data.test.ids, height, width) for spec in protocol.mask_sets
        },
        origin="pretrained" if weights else "run",
        weights=weights,
    )
    folder = run.folder(request.out)
    options, places = request.options, values.places
    return Experiment(entry, run, data, folder, fabric, request.lpips, options, host, pretrained, places)


def scale_protocols(entry: Entry, scale: str, data: str | None = None, mask_sets: Sequence[str] = ()) -> list[Protocol]:
    """The protocols of a scale as the method's paper.toml has them; `data` and `mask_sets` take the place of its
    own."""
    about = entry.description()
    part = about.scales.get(scale) if about else None
    return protocols(scale, part.protocol if part else ProtocolOverrides(), data, mask_sets)
