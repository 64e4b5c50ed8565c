"""A run from start to record: train what is not trained, evaluate what is not scored, write the record last."""

import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning_fabric import Fabric

from bench.data import Data
from bench.data.protocol import Protocol
from bench.masks.sets import mask_set
from bench.methods.base import Inpainter, Method, Stage, no_exit
from bench.methods.catalog import Entry
from bench.methods.pretrained import Pretrained
from bench.methods.settings import DEFAULT, variant_name
from bench.methods.supplied import Values, chosen, hosted_by
from bench.metrics import Lpips
from bench.runs import rates
from bench.runs.building import build_method, load_networks, load_trained, parameters
from bench.runs.cached_training import (
    MARK,
    Circumstances,
    TrainingKeys,
    curves_are_whole,
    mark,
    mark_done,
    processes_so_far,
    take_from_cache,
    take_stages_from_cache,
    training_keys,
)
from bench.runs.evaluation import evaluate, images_at_once, to_csv, to_uint8
from bench.runs.leakage import audit, notes
from bench.runs.meter import Meter, Tally, timed
from bench.runs.parts import DataManifest, MaskSetManifest, PretrainedFacts, SpotCheck, StageFacts, TrainingFacts
from bench.runs.probes import probe
from bench.runs.records import Record, Run, read_record
from bench.runs.replay import command
from bench.runs.request import Request
from bench.runs.shown import unconditional_path
from bench.runs.spotcheck import get_ready, spot_check
from bench.runs.writing import log_event, lpips_facts, write_record
from bench.training.device import threads_of
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.processes import tell
from bench.util.files import check_writable, locked, read_json, sealed, sha256, sweep, whole, write_json, write_text
from bench.util.progress import OnProgress, Progress

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
    threads: int
    """Of a processor, for each of them."""


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
    threads: int = 1
    """Of a processor, for all that the method does: its last bits depend on them."""
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
        weights = self.pretrained.files if self.pretrained else ()
        return command(self.run, self.entry, self.host, weights=weights, places=self.places, threads=self.threads)

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
            with threads_of(self.fabric.device, self.threads):
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
        keys, processes = self.training_keys(training.method, training.begun)
        # Whoever trains holds this lock and waits for none, so that no two runs wait for each other.
        with locked(self.folder, progress.say, self.folder.parents[2] / ".locks" / f"training-{keys.whole}"):
            mark(self.folder, keys, processes)
            twin = take_from_cache(self.folder, self.run, keys.whole) if share else None
            if twin is not None:
                mark_done(self.folder)
                log_event(self.folder, "networks taken", {"from": twin.name})
                progress.say(f"train {self.title}: skipped, reusing the networks of {twin.name}")
                return
            if share and not training.begun and (taken := take_stages_from_cache(training, self.run, keys)):
                other, count = taken
                log_event(self.folder, "stages taken", {"from": other.name, "stages": count})
                names = " and ".join(stage.name for stage in training.method.stages()[:count])
                progress.say(f"train {self.title}: {names} skipped, reusing the networks of {other.name}")
            if self.fabric.world_size > 1:
                tell(self.fabric, self._job())
            with progress.task(f"train {self.title}") as report, self._metered("train", report) as metered:
                training.run(self.options, metered, partial(log_event, self.folder))
            mark_done(self.folder)

    def training_keys(self, method: Method, begun: bool = False) -> tuple[TrainingKeys, list[int]]:
        """The keys of the training, `begun` or not, and the numbers of processes that then will have shared it."""
        processes = sorted({self.fabric.world_size, *(processes_so_far(self.folder) if begun else ())})
        where = Circumstances(self.data, self.fabric.device.type, self._training_threads, processes)
        return training_keys(self.run, method, method.stages(), where), processes

    @property
    def _training_threads(self) -> int | None:
        return self.threads if self.fabric.device.type == "cpu" else None

    def _job(self) -> TrainingJob:
        """What the other processes of the training must know to take part in it."""
        assert isinstance(self.data.train.pixels, np.memmap)
        include = [self.entry.path] if self.entry.origin == "--include" else []
        pack = Path(str(self.data.train.pixels.filename)).parent
        return TrainingJob(self.folder, self.entry.key, include, pack, self.threads)

    def train_only(self, progress: Progress) -> None:
        with locked(self.folder, progress.say):
            self._prepare()
            with threads_of(self.fabric.device, self.threads):
                self.train(progress)

    def _evaluate(self, method: Method, progress: Progress) -> Record:
        lpips = Lpips.open(self.lpips_folder)
        self._drop_other_scores(lpips)
        with no_exit(self.title):
            inpainter = method.inpainter()
        get_ready()
        at_once = images_at_once(inpainter)
        with progress.task(f"score {self.title}") as told, self._metered("score", told, at_once) as report:
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
        with timed() as rest:
            record = self._write_record(method, lpips, self._spot_check(progress))
        self._record_rates("rest", {"run": rest})
        return record

    @contextmanager
    def _metered(self, kind: rates.Kind, report: OnProgress, most: int = 1) -> Iterator[Meter]:
        """Hears of progress in `report`'s place, and records how long each step or image took, however it ends."""
        meter = Meter(report, most)
        try:
            yield meter
        finally:
            self._record_rates(kind, meter.tallies)

    def _record_rates(self, kind: rates.Kind, tallies: dict[str, Tally]) -> None:
        run, device = self.run, rates.device_name(self.fabric.device.type)
        if self.pretrained is None:
            name = rates.name_of(run.method, run.scale, run.settings, run.protocol.resolution)
            processes = self.fabric.world_size if kind == "train" else 1
            rates.put(self.folder.parents[2], name, kind, tallies, device, processes=processes)

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
            at_once = images_at_once(inpainter)
            with progress.task(f"probe {self.title}") as told, self._metered("probe", told, at_once) as report:
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
            lpips_facts(lpips),
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
            threads=self._training_threads,
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
    return Experiment(
        entry,
        run,
        data,
        folder,
        fabric,
        lpips_folder=request.lpips,
        options=request.options,
        threads=request.threads,
        host=host,
        pretrained=pretrained,
        places=values.places,
    )
