"""What is attacked: for each kind of file the command that reads it, and what must not change unseen."""

import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from attack import mutations as m
from attack.forked import Ended, run
from elsewhere import PRETRAINED, publish, toy_state
from PIL import Image
from toy import PAPER, write_toys

from bench.methods.catalog import ROOT
from bench.util.files import sha256

SIDE = 16
TOYS = ("--include", "toys", "--out", "out")
SMOKE = ("--scale", "smoke", *TOYS)
QUEUED = ("--scale", "smoke", "--include", "toys", "--cluster", "local")
TOOL = ("score", "export", "--predictions", "predictions", "--name", "tool", "--out", "out")
RUN = "out/runs/faces-smoke/toypaper-seed0-*"
TWIN = "out/runs/faces-smoke/toypaper+brighter-*"

Answer = tuple[object, object]
"""What the answer is filed under, and the answer."""


@dataclass(frozen=True)
class Target:
    """A kind of file, as one command reads it."""

    kind: str
    files: str
    """Which may be changed: a pattern below the room."""
    words: tuple[str, ...]
    parts: tuple[str, ...]
    """What of the kit lies in the room."""
    mutations: tuple[Callable[..., object], ...]
    answer: Callable[[Path, Ended], Answer]
    """Commands that give the same key must give the same answer."""
    weight: int = 1
    before: Callable[[Path], None] = lambda room: None
    """Makes the room what it must be, before any change."""
    codes: tuple[int, ...] = ()
    """Exit codes with a meaning of their own."""


# ------------------------------------------------------------------------------------------- answers


def content(path: Path) -> bytes | int | None:
    """The bytes of a regular file, which may lie behind a link; of anything else what it is."""
    try:
        kind = path.stat().st_mode
        return path.read_bytes() if stat.S_ISREG(kind) else kind
    except OSError:
        return None


def printed(room: Path, ended: Ended) -> Answer:
    """What stands on the screen must be the same: nothing else names it."""
    return "", re.sub(r"(Page|Record|Run|Output|Next): .*", "", ended.out)


def own_say(room: Path, ended: Ended) -> Answer:
    """The file says what is wanted: another file is another question."""
    return ended.out, ""


def kept(room: Path, pattern: str) -> dict[str, bytes]:
    return {str(path.relative_to(room)): content(path) for path in room.glob(pattern) if not path.is_dir()}


def record(room: Path, ended: Ended) -> Answer:
    """A run's results are filed under its key, which is in its folder's name."""
    found = [one for name in ("record.json", "*.csv", "checkpoints/trained-*") for one in room.glob(f"{RUN}/{name}")]
    return "", {path.relative_to(room): content(path) for path in found if not path.name.startswith(".")}


def trained(room: Path, ended: Ended) -> Answer:
    found = [one for name in ("scalars.csv", "checkpoints/*") for one in room.glob(f"{RUN}/{name}")]
    return "", {path.relative_to(room): content(path) for path in found if not path.name.startswith(".")}


def scored(room: Path, ended: Ended) -> Answer:
    """A tool's scores are filed under a key over data, holes and pictures."""
    (folder,) = [path.parent for path in room.glob("out/runs/*/tool-*/record.json")]
    return folder.name, {path.name: content(path) for path in folder.glob("*.csv")}


def exported(room: Path, ended: Ended) -> Answer:
    """An export is filed under the fingerprints of its data and masks, which its manifest holds."""
    files = kept(room / "out", "**/*")
    keys = re.findall(rb'"(?:sha256|train|test|fingerprint)": "(\w+)"', files.pop("export/manifest.json"))
    return sorted(keys), {name: content for name, content in files.items() if name.endswith(".png")}


def filled(room: Path, ended: Ended) -> Answer:
    """The user's own picture and hole: any that OpenCV reads too. Known pixels are the picture's."""
    result = cv2.imread(str(room / "out/filled.png"))
    picture, mask = (cv2.imread(str(room / "in" / name)) for name in ("face.png", "mask.png"))
    if picture is None or mask is None or (picture.shape == mask.shape == result.shape):
        seen = picture is not None and mask is not None and bool((result != picture)[mask < 128].any())
        return sha256(result.tobytes()), "a known pixel is changed" if seen else ""
    return "", f"{picture.shape} {mask.shape} {result.shape}"


def filled_by_run(room: Path, ended: Ended) -> Answer:
    return "", content(room / "out/filled.png")


def pages(room: Path, ended: Ended) -> Answer:
    """Pages may say that there are no pictures, and why; a raw picture that was not kept is not there."""
    files = kept(room, "out/reports/*/*")
    page = files["out/reports/toypaper/index.html"]
    why = re.findall(rb"No pictures: [^<]*", page)
    return (why, page.count(b"<img")), "" if why else files


# ------------------------------------------------------------------------------------------- rooms


def without_record(room: Path) -> None:
    (path,) = room.glob(f"{RUN}/record.json")
    path.unlink()


def unscored(room: Path) -> None:
    without_record(room)
    (folder,) = room.glob(RUN)
    shutil.rmtree(folder / "predictions")


def untrained(room: Path) -> None:
    (folder,) = room.glob(RUN)
    shutil.rmtree(folder)


def _targets() -> list[Target]:
    inpaint = ("inpaint", "in/face.png", "--mask", "in/mask.png", "-o", "out/filled.png", "--method")
    by_run = (*inpaint, "toypaper", "--include", "toys", "--run", "RUN", "--force")
    by_weights = (*inpaint, "toypaper", "--include", "toys", "--weights", "WEIGHTS")
    export = ("export", "--resolution", str(SIDE), "--out", "out/export", "--images", "40", "--data")
    pack = (*export, "faces", "--masks", "center")
    evaluate = ("evaluate", "toypaper", *SMOKE)
    reproduced = ("toys", "out", "cache")
    tool = ("export", "predictions")
    records = (*m.JSON, *m.TEXT, *m.PLACES)
    tables = (*m.CSV, *m.CSV, *m.TEXT, *m.PLACES)
    report = ("report", "toypaper", *TOYS)
    places = m.PLACES
    states, arrays = (*m.CHECKPOINTS, *m.BYTES, *places), (*m.ARRAYS, *places)
    return [
        Target("picture", "in/face.png", (*inpaint, "harmonic"), ("in",), (*m.PICTURES, *places), filled, 3),
        Target(
            "picture", "in/photos/*.png", (*export, "folder=in/photos", "--masks", "center"), ("in",),
            (*m.PICTURES, *places, *m.FOLDERS), exported, 4,
        ),
        Target("mask", "in/mask.png", (*inpaint, "harmonic"), ("in",), (*m.PICTURES, *places), filled, 3),
        Target(
            "mask", "in/masks/*.png", (*export, "faces", "--masks", "masks=in/masks:white"), ("in", "cache"),
            (*m.PICTURES, *places, *m.FOLDERS), exported, 3,
        ),
        Target(
            "mask", "in/qd_imd/*.png", (*export, "faces", "--masks", "qd-imd=in/qd_imd"), ("in", "cache"),
            (*m.PICTURES, *places, *m.FOLDERS), exported, 2,
        ),
        Target("paper.toml", "toys/toypaper/paper.toml", ("show", "toypaper", "--include", "toys"), ("toys",),
               (*m.TOML, *m.TOML, *m.TEXT, *places), own_say, 4),
        Target("paper.toml", "mine/paper.toml", ("show", "mine", "--include", "mine"), ("mine",),
               m.TOML, own_say, 3),
        Target("paper.toml", "toys/toypaper/paper.toml", report, ("toys", "out"), m.TOML, own_say, 1),
        Target("record.json", f"{RUN}/record.json", evaluate, reproduced, records, printed, 4),
        Target("record.json", "out/runs/*/*/record.json", report, reproduced, records, pages, 2),
        Target("record.json", f"{RUN}/record.json", ("explain", "RUN", *TOYS), reproduced, records, printed, 2),
        Target("run folder", f"{RUN}/*.json*", evaluate, reproduced, records, record, 4, unscored),
        Target("run folder", f"{RUN}/predictions/*.json", evaluate, reproduced, records, record, 2, without_record),
        Target("run folder", f"{RUN}/run.json", by_run, (*reproduced, "in"), records, filled_by_run, 2),
        Target("run folder", f"{TWIN}/*.json", evaluate, reproduced, records, record, 2, untrained),
        Target("run folder", "cache/*/checked.json", evaluate, reproduced, records, record, 1, unscored),
        Target("scores and curves", f"{RUN}/*.csv", report, reproduced, tables, pages, 2),
        Target("scores and curves", f"{RUN}/scores.csv", evaluate, reproduced, tables, printed, 3),
        Target("scores and curves", f"{RUN}/predictions/*.csv", evaluate, reproduced, tables, record, 3,
               without_record),
        Target("scores and curves", f"{RUN}/*.csv", evaluate, reproduced, tables, record, 2, without_record),
        Target("scores and curves", f"{TWIN}/scalars.csv", evaluate, reproduced, tables, record, 2, untrained),
        Target("predictions of ours", f"{RUN}/predictions/*.np*", report, reproduced, arrays, pages, 2),
        Target("predictions of ours", f"{RUN}/predictions/*.np*", evaluate, reproduced, arrays, record, 2,
               without_record),
        Target("checkpoint", f"{RUN}/checkpoints/*", evaluate, reproduced, states, record, 3,
               unscored),
        Target("checkpoint", f"{RUN}/checkpoints/*", by_run, (*reproduced, "in"), states,
               filled_by_run, 2),
        Target("checkpoint", f"{TWIN}/checkpoints/*", evaluate, reproduced, states, record, 2,
               untrained),
        Target("checkpoint", "out/runs/*/*/checkpoints/step-*", ("train", "toypaper", *SMOKE),
               ("toys", "cache", "half"),
               (*m.CHECKPOINTS, *states), trained, 4,
               lambda room: (room / "half").rename(room / "out")),
        Target("weights", "in/weights/*.pth", by_weights, ("toys", "in"),
               (*m.BYTES, *places, *[m.republished] * 20), own_file, 4),
        Target("weights", "in/lpips/*", ("doctor", "--weights", "in/lpips", "--out", "out"), ("in",),
               (*m.BYTES, *places), own_say, 1),
        Target("data pack", "cache/*/leakage.json", evaluate, reproduced, m.JSON, record, 1, unscored),
        Target("data pack", "cache/*/*", pack, ("cache",), (*m.ARRAYS, *m.JSON, *places), exported, 6),
        Target("export", "export/manifest.json", TOOL, tool, records, scored, 5),
        Target("export", "export/*/**/*.png", TOOL, tool, (*m.PICTURES, *places, *m.FOLDERS), scored, 2),
        Target("prediction folder", "predictions/**/*.png", TOOL, tool,
               (*m.PICTURES, *places, *m.FOLDERS, *m.FOLDERS), scored, 6),
        Target("profile", "in/mine.toml", ("submit", "harmonic", *SMOKE, "--dry-run", "--cluster", "in/mine.toml"),
               (*reproduced, "in", "rates"), (*m.TOML, *m.TOML, *m.TEXT, *places), own_say, 5,
               lambda room: shutil.copytree(room / "rates/rates", room / "out/rates", dirs_exist_ok=True)),
        Target("queue", "out/cluster/**/*.json*", ("status", "--out", "out"), ("queue",), records, own_say, 3,
               lambda room: (room / "queue").rename(room / "out"), codes=(1,)),
    ]  # fmt: skip


def own_file(room: Path, ended: Ended) -> Answer:
    """Weights are filed under the hash of their file."""
    return kept(room, "in/weights/*"), content(room / "out/filled.png")


TARGETS = _targets()


# ------------------------------------------------------------------------------------------- the kit


def prepare(kit: Path) -> None:
    """Everything that is attacked, as honest commands make it."""
    toys = prepare_toys(kit)
    (toys / "toypaper/pretrained.py").write_text(PRETRAINED)
    shutil.copytree(ROOT / "papers/fang2021", kit / "mine")
    _pictures(kit / "in")
    honest = [
        ("reproduce", "toypaper", *SMOKE),
        *[("train", "toypaper", "--scale", "smoke", "--include", "toys", "--minutes", 0, "--out", "half")] * 2,
        ("export", "--data", "faces", "--resolution", SIDE, "--images", 40, "--masks", "center", "--masks", "irregular",
         "--out", "export"),
        ("submit", "harmonic", *QUEUED, "--out", "planned", "--dry-run"),  # which calibrates, once for all cases
        ("submit", "harmonic", *QUEUED, "--out", "queue"),
    ]  # fmt: skip
    for words in honest:
        ended = command(kit, words, writable=("",))
        assert ended.code == 0, ended
        if words[0] == "submit" and words[-1] == "queue":
            waited = command(kit, ("status", "--watch", "--out", "queue"), writable=("",))
            assert waited.code == 0, waited
    shutil.copytree(kit / "planned/rates", kit / "rates/rates")
    _returned(kit / "export", kit / "predictions")


def prepare_toys(kit: Path) -> Path:
    """The toy methods, with some more pictures."""
    toys = write_toys(kit / "toys")
    old = 'resolution = 16, images = 12, test_images = 4, mask_sets = ["center"]'
    new = 'resolution = 16, images = 100, test_images = 20, mask_sets = ["center", "random"]'
    assert old in PAPER
    (toys / "toypaper/paper.toml").write_text(PAPER.replace(old, new))
    return toys


def command(room: Path, words, limit: float = 120.0, writable=("out", "cache")) -> Ended:
    """Run a verb in a room, where it may write to some places."""
    cache = str(room / "cache")
    return run(room, words, limit, [room / name for name in writable], INPAINT_BENCH_CACHE=cache, XDG_CACHE_HOME=cache)


def _pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("photos", "masks", "qd_imd", "weights", "lpips"):
        (folder / name).mkdir(parents=True)

    def picture():
        noise = cv2.GaussianBlur(rng.random((SIDE, SIDE, 3)), (0, 0), 2)
        return Image.fromarray(np.uint8(255 * (noise - noise.min()) / np.ptp(noise)))

    def hole(number):
        gap = np.zeros((SIDE, SIDE), np.uint8)
        gap[2 : 6 + number % 5, 3 : 8 + number % 3] = 255
        return gap

    picture().save(folder / "face.png")
    Image.fromarray(hole(0)).save(folder / "mask.png")
    for number in range(12):
        picture().save(folder / "photos" / f"{number}.png")
        Image.fromarray(hole(number)).save(folder / "masks" / f"{number}.png")
        Image.fromarray(255 - hole(number)).save(folder / "qd_imd" / f"{number}_test.png")
    publish(folder / "weights", toy_state())
    (folder / "lpips/alexnet-owt-7be5be79.pth").write_bytes(b"no weights")
    shutil.copy2(ROOT / "bench/cluster/profiles/example.toml", folder / "mine.toml")


def _returned(export: Path, folder: Path) -> None:
    """A tool's pictures."""
    for mask_set in ("center", "irregular"):
        (folder / mask_set).mkdir(parents=True)
        for path in (export / mask_set / "images").iterdir():
            damaged = cv2.imread(str(path))
            gap = cv2.imread(str(export / mask_set / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
            cv2.imwrite(str(folder / mask_set / path.name), cv2.inpaint(damaged, gap, 3, cv2.INPAINT_TELEA))
