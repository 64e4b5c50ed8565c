"""`inpaint`: one picture of a user's own."""

import io
from pathlib import Path

import torch
from PIL import Image

from bench.data.decode import decode
from bench.masks.files import hole_from_alpha, read_hole
from bench.methods.base import DataFacts, Method, compose, fill
from bench.methods.catalog import Entry
from bench.methods.pretrained import Pretrained, load_pretrained
from bench.methods.settings import DEFAULT, overrides
from bench.methods.torchscript import find_called
from bench.runs.building import build_method, load_trained
from bench.runs.evaluation import to_uint8
from bench.runs.request import Request
from bench.training.device import open_fabric
from bench.util.errors import UserError
from bench.util.files import check_writable, read_json, whole


def inpaint_picture(
    request: Request, image: Path, mask: str, output: Path, run: Path | None = None, white_is_hole: bool = True
) -> None:
    """Write `image` with its hole filled to `output` as PNG. Raises UserError for anything a user can fix.

    `mask` is a file, or `alpha` for the transparent pixels. Of the request the method, its seed, networks and device
    count, and `out`, where the newest `run` of a trained method is looked for.
    """
    _, entry = find_called(request.key, request.include, request.trust)
    pretrained = load_pretrained(entry, request.networks) if request.networks else None
    if output.suffix.lower() != ".png":
        raise UserError(f"-o {output}: the result is a PNG file, so use a name ending in .png.")
    if output.exists() and not request.force:
        raise UserError(f"-o {output}: the file exists. Choose another, or add --force to overwrite it.")
    if not image.is_file():
        raise UserError(f"{image}: there is no such picture.")
    pixels = torch.from_numpy(decode(image).copy()).permute(2, 0, 1).unsqueeze(0)
    height, width = pixels.shape[-2:]
    missing = hole_from_alpha(image) if mask == "alpha" else read_hole(Path(mask), height, width, white_is_hole)
    gap = torch.from_numpy(missing)[None, None]
    check_writable(output.resolve().parent)
    place = open_fabric(request.device).device
    method = _method(entry, run, request.out) if pretrained is None else _pretrained(pretrained, run)
    for network in method.networks().values():
        network.to(place)
    picture, seed = pixels.float() / 255, torch.tensor(request.seeds_or()[:1])
    with torch.no_grad():
        result = fill(method.inpainter(), picture.to(place), gap.to(place), seed, [image.name]).cpu()
    buffer = io.BytesIO()
    filled = compose(pixels, gap, to_uint8(result))
    Image.fromarray(filled[0].permute(1, 2, 0).numpy()).save(buffer, format="PNG")
    with whole(output) as file:
        file.write(buffer.getbuffer())


def _pretrained(pretrained: Pretrained, run: Path | None) -> Method:
    if run is not None:
        raise UserError(f"--run {run}: with --weights the networks come from that file. Leave out one of the two.")
    for note in pretrained.notes:
        print(note)
    return pretrained.build(pretrained.settings("paper", DEFAULT, {}), DataFacts(256, 1))


def _method(entry: Entry, run: Path | None, out: Path) -> Method:
    smallest = build_method(entry, overrides(entry.description(), "smoke", DEFAULT), DataFacts(64, 1), seed=0)
    if not smallest.stages():
        if run is not None:
            raise UserError(f"--run {run}: {entry.key} needs no training, so it has no run. Leave --run out.")
        return build_method(entry, {}, DataFacts(256, 1), seed=0)
    if run is None:
        found = (out / "runs").glob(f"*/{entry.key}-seed*/checkpoints/trained-*.pt")
        newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            raise UserError(f"{out} holds no trained {entry.key}. Train it first: python -m bench train {entry.key}")
        run = newest.parent.parent
    if not (run / "run.json").exists():
        raise UserError(f"--run {run}: this is not a run's folder (it has no run.json).")
    asked = read_json(run / "run.json")
    if not isinstance(asked, dict) or asked.get("method") != entry.key:
        raise UserError(
            f"--run {run}: this is not a run of {entry.key}. Choose one of its folders under {out / 'runs'}."
        )
    print(f"Run: {run}")
    return load_trained(entry, run)
