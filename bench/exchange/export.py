"""`export`: truth, damaged pictures and holes as PNG files for any other tool."""

import io
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from bench.data import Data, load, told
from bench.data.protocol import Protocol
from bench.exchange.layout import (
    FORMAT,
    MANIFEST,
    Manifest,
    Picture,
    damaged_file,
    file_name,
    hole_file,
    lama_files,
    mask_set_folder,
    read_manifest,
    truth_file,
)
from bench.exchange.readme import readme
from bench.masks.sets import mask_set
from bench.util.errors import UserError
from bench.util.files import check_writable, locked, read_json, sha256, sweep, whole, write_json, write_text
from bench.util.progress import OnProgress, Progress

PART = 64
"""Pictures between two files that say how far the export is."""
WRITERS = 8
"""More than processors, because each waits for the disk most of the time."""
QUICKLY = 1
"""PNG's compression level: half again as large as the smallest at most, and several times faster."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Export:
    """An export, planned."""

    root: Path
    scale: str
    protocol: Protocol
    data: Data

    @property
    def asked(self) -> dict[str, Any]:
        """What decides every file of the folder."""
        height, width = self.data.test.pixels.shape[-2:]
        return {
            "format": FORMAT,
            "scale": self.scale,
            "protocol": self.protocol.placeless(),
            "fingerprint": self.data.fingerprint,
            "mask_sets": [[one.name, one.version, height, width] for one in map(mask_set, self.protocol.mask_sets)],
        }

    @property
    def parts(self) -> Path:
        return self.root / ".parts"

    def make(self, progress: Progress) -> Manifest:
        """Write what is not there yet; the manifest comes last. Raises UserError for a folder that holds other things.

        After a kill at any moment, rerunning the command resumes it.
        """
        self._claim()
        with locked(self.root, progress.say):
            if not (self.root / MANIFEST).exists():
                with progress.task("export") as report:
                    pictures = self._pictures(report)
                for folder in {path.parent for path in self._files(pictures[0].name)}:
                    sweep(folder)
                manifest = self._manifest(pictures)
                write_text(self.root / "README.txt", readme(manifest))
                write_json(self.root / MANIFEST, manifest.model_dump(mode="json"))
            shutil.rmtree(self.parts, ignore_errors=True)
            return read_manifest(self.root)

    def _claim(self) -> None:
        """See that the folder is empty, or this very export begun or done."""
        test = self.data.test
        if (self.root / MANIFEST).exists():
            done = read_manifest(self.root)
            if self._of(done) != self.asked:
                raise UserError(f"{self.root} holds a different export. Choose another folder with --out.")
            return
        begun = self.parts / "asked.json"
        if begun.exists():
            if read_json(begun) != json.loads(json.dumps(self.asked)):
                raise UserError(
                    f"{self.root} holds the beginning of another export. Delete it or choose another folder."
                )
        elif self.root.exists() and any(path.name not in (".lock", ".parts") for path in self.root.iterdir()):
            raise UserError(f"{self.root} is not empty and is not an export. Choose a new folder with --out.")
        check_writable(self.root, test.pixels[0].size * len(test) * (1 + len(self.protocol.mask_sets)))
        write_json(begun, self.asked)

    def _of(self, done: Manifest) -> dict[str, Any]:
        found = [done.mask_sets[name] for name in done.protocol.mask_set_names]
        mask_sets = [[one.name, one.version, one.height, one.width] for one in found]
        protocol = done.protocol.placeless()
        return {"format": done.format, "scale": done.scale, "protocol": protocol, "fingerprint": done.fingerprint,
                "mask_sets": mask_sets}  # fmt: skip

    def _pictures(self, report: OnProgress) -> list[Picture]:
        total = len(self.data.test)
        pictures = []
        with ThreadPoolExecutor(WRITERS) as pool:
            for start in range(0, total, PART):
                stop = min(start + PART, total)
                part = self.parts / f"{start:08d}-{stop:08d}.json"
                if not part.exists():
                    written = [one.model_dump() for one in pool.map(self._write, range(start, stop))]
                    write_json(part, written)
                report("pictures", stop, total)
                pictures += [Picture.model_validate(one) for one in read_json(part)]
        return pictures

    def _write(self, index: int) -> Picture:
        """The files of one image. The damaged picture holds nothing of the truth under the hole."""
        image_id, group = self.data.test.ids[index], self.data.test.groups[index]
        name = file_name(image_id)
        truth: Pixels = np.array(self.data.test.pixels[index]).transpose(1, 2, 0)
        holes = {}
        for spec in self.protocol.mask_sets:
            one, hole = mask_set(spec).name, mask_set(spec).hole(image_id, *truth.shape[:2])
            damaged, mask = lama_files(self.root, one, name)
            _save(damaged_file(self.root, one, name), np.where(hole[..., None], np.uint8(0), truth), damaged)
            holes[one] = _save(hole_file(self.root, one, name), np.where(hole, np.uint8(255), np.uint8(0)), mask)
        return Picture(
            id=image_id, group=group, name=name, truth=_save(truth_file(self.root, name), truth), holes=holes
        )

    def _files(self, name: str) -> list[Path]:
        files = [truth_file(self.root, name)]
        for one in self.protocol.mask_set_names:
            files += [damaged_file(self.root, one, name), hole_file(self.root, one, name)]
            files += lama_files(self.root, one, name)
        return files

    def _manifest(self, pictures: Sequence[Picture]) -> Manifest:
        height, width = self.data.test.pixels.shape[-2:]
        return Manifest(
            scale=self.scale,
            protocol=self.protocol,
            fingerprint=self.data.fingerprint,
            data=self.data.manifest,
            mask_sets={
                one.name: one.manifest(self.data.test.ids, height, width)
                for one in map(mask_set, self.protocol.mask_sets)
            },
            pictures=list(pictures),
            notes=told(self.data),
        )


def export(protocol: Protocol, scale: str, root: Path, cache: Path, console: Console) -> Manifest:
    """Load (or decode) the data set, write the folder, and say what to do with it."""
    progress = Progress(console)
    with progress.task(f"data {protocol.data_name}") as report:
        data = load(protocol, cache, lambda done, total, what: report(what, done, total))
    manifest = Export(root, scale, protocol, data).make(progress)
    for name in manifest.protocol.mask_set_names:
        one = manifest.mask_sets[name]
        console.print(
            f"{mask_set_folder(root, name)}: {one.count} pictures of {one.height}×{one.width}, white = hole",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    for note in manifest.notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)
    return manifest


def _save(path: Path, pixels: Pixels, twin: Path | None = None) -> str:
    """Write a PNG file, with a second name for it where one is given; its SHA-256."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=QUICKLY)
    content = file.getvalue()
    with whole(path) as out:
        out.write(content)
    if twin is not None:
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.unlink(missing_ok=True)
        try:
            twin.hardlink_to(path)
        except OSError:  # a file system without second names
            with whole(twin) as out:
                out.write(content)
    return sha256(content)
