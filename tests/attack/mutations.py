"""Changes to files, drawn by chance: what a crash, a disk, another tool or somebody with bad intentions leaves."""

import copy
import io
import json
import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.training import checkpoint

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n{ } loop\n"
DEEP = 5000
NUMBERS = (float("nan"), float("inf"), -1, 0, 1e20, 10**20, 10**4999, 2.5, 1e-320, True)
TEXTS = (
    "../../../elsewhere/x",
    "/proc/self/mem",
    "a\x00b",
    "\x1b[2J\x9b31m",
    "\u202egnp.\u2066",
    "",
    "x" * 100_000,
    "\ud800",
    "nan",
)


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


# ------------------------------------------------------------------------------------------- files of any kind


def truncated(content, chance):
    return content[: chance.randrange(len(content) or 1)]


def emptied(content, chance):
    return b""


def first_line(content, chance):
    return content[: content.find(b"\n") + 1]


def flipped(content, chance):
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 8))) if content else ():
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwritten(content, chance):
    start = chance.randrange(len(content) or 1)
    return content[:start] + chance.randbytes(min(64, len(content) - start)) + content[start + 64 :]


def not_utf8(content, chance):
    start = chance.randrange(len(content) or 1)
    return content[:start] + b"\xff\xfe\x80" + content[start:]


def with_nul(content, chance):
    start = chance.randrange(len(content) or 1)
    return content[:start] + b"\0\0" + content[start:]


def longer(content, chance):
    return content + chance.randbytes(chance.choice((1, 100)))


def doubled(content, chance):
    return content + content


def doubled_line(content, chance):
    lines = content.splitlines(keepends=True)
    return b"".join([*lines, chance.choice(lines)]) if lines else b"\n"


def zeros(content, chance):
    return bytes(len(content))


def postscript(content, chance):
    return POSTSCRIPT


def pickled(content, chance):
    return pickle.dumps(Bomb(Path("/tmp/elsewhere-of-a-pickle")))


BYTES = (truncated, emptied, first_line, flipped, overwritten, longer, zeros, postscript, pickled)
TEXT = (truncated, emptied, first_line, flipped, flipped, not_utf8, with_nul, doubled, doubled_line, zeros)


# ------------------------------------------------------------------------------------------- the file's place


def pipe(path, chance):
    path.unlink()
    os.mkfifo(path)


def folder(path, chance):
    path.unlink()
    path.mkdir()


def dangling(path, chance):
    path.unlink()
    path.symlink_to("nowhere")


def loop(path, chance):
    path.unlink()
    path.symlink_to(path.name)


def linked(path, chance):
    """The same content, behind a link."""
    kept = path.with_name(f".kept.{path.name}")
    path.rename(kept)
    path.symlink_to(kept.name)


def device(path, chance):
    path.unlink()
    path.symlink_to("/dev/zero")


def missing(path, chance):
    path.unlink()


PLACES = (pipe, folder, dangling, loop, linked, device, missing)


# ------------------------------------------------------------------------------------------- JSON and TOML


def spots(value, at=()):
    """The way to every value."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += spots(item, (*at, key))
    return found


def changed_value(value, chance):
    kind = chance.randrange(9)
    if kind == 0:
        return chance.choice(NUMBERS)
    if kind == 1:
        return chance.choice(TEXTS)
    if kind == 2:
        return chance.choice(([], {}, None, [value], {"x": value}, str(value)))
    if kind == 3 and isinstance(value, list):
        return value + value[-1:]
    if kind == 4 and isinstance(value, list | str):
        return value[:-1]
    if kind == 5 and isinstance(value, int | float):
        return chance.choice((value + 1, -value, value * 10**6, float(value), str(value)))
    if kind == 6 and isinstance(value, str):
        return chance.choice((value.upper(), value[::-1], value + "0", "0" + value))
    return chance.choice((*NUMBERS, *TEXTS))


def in_tree(tree, chance):
    """The tree with one value changed, gone or too many."""
    tree = copy.deepcopy(tree)
    if not (places := spots(tree)):
        return chance.choice(NUMBERS)
    *way, last = chance.choice(places)
    part = tree
    for key in way:
        part = part[key]
    kind = chance.randrange(6)
    if kind == 0:
        del part[last]
    elif kind == 1 and isinstance(part, dict):
        part[chance.choice(TEXTS[:5])] = part.pop(last)
    else:
        part[last] = changed_value(part[last], chance)
    return tree


def json_tree(content, chance):
    text = json.dumps(in_tree(json.loads(content), chance), indent=1, sort_keys=True)
    return re.sub(r'"\\ud800"', '"\\\\ud800"', text).encode()


def json_top(content, chance):
    return chance.choice((b"[]", b"{}", b"null", b"1", b'"x"', b"NaN", b"[" * DEEP, b'{"a":' * DEEP, b"9" * 5000))


JSON = (json_tree, json_tree, json_tree, json_tree, json_tree, json_top)


def toml_line(content, chance):
    """A line gone, doubled, or with another value."""
    lines = content.decode().splitlines()
    number = chance.choice([index for index, line in enumerate(lines) if line.strip()])
    key, equals, _ = lines[number].partition(" = ")
    kind = chance.randrange(6)
    if kind == 0:
        del lines[number]
    elif kind == 1:
        lines.insert(number, lines[number])
    elif equals and "{" not in key:
        odd = ("nan", "inf", "-inf", "1e20", "9" * 5000, "-1", "0", "true", "[]", "{}", '""', "[[[]]]", "1979-05-27")
        odd += ("[" * DEEP + "]" * DEEP, '"../../x"', '"\\u001b[2J"', '"\\u202e"', '"\\u0000"', '"default"', '["x"]')
        lines[number] = f"{key} = {chance.choice(odd)}"
    else:
        lines[number] = lines[number].replace(chance.choice("[]{}=\"',e1"), chance.choice(('"', "[", "", "=", "9")), 1)
    return "\n".join(lines).encode()


TOML = (toml_line, toml_line, toml_line)


# ------------------------------------------------------------------------------------------- tables


def csv_cell(content, chance):
    lines = [line.split(",") for line in content.decode().splitlines()]
    row, column = chance.randrange(len(lines)), chance.randrange(len(lines[0]))
    odd = ("nan", "inf", "-inf", "1e20", "9" * 5000, "", "x", "\x1b[2J", "\u202e", '"', "a,b", "-1", "=cmd()", "0x10")
    lines[row][column] = chance.choice(odd)
    return "\n".join(map(",".join, [*lines, []])).encode()


def csv_column(content, chance):
    lines = [line.split(",") for line in content.decode().splitlines()]
    column = chance.randrange(len(lines[0]))
    kept = [[cell for index, cell in enumerate(line) if index != column] for line in lines]
    return "\n".join(map(",".join, [*kept, []])).encode()


def csv_rows(content, chance):
    head, *rows = content.decode().splitlines(keepends=True)
    kind = chance.randrange(3)
    if kind == 0:
        rows.pop(chance.randrange(len(rows)))
    elif kind == 1:
        rows.append(chance.choice(rows))
    else:
        chance.shuffle(rows)
    return "".join([head, *rows]).encode()


CSV = (csv_cell, csv_cell, csv_column, csv_rows, csv_rows)


# ------------------------------------------------------------------------------------------- pictures and arrays


def saved(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def redrawn(content, chance):
    """Another kind of picture, or another size."""
    image = Image.open(io.BytesIO(content))
    width, height = image.size
    makers = (
        lambda: saved(image, "JPEG", quality=chance.choice((5, 60))),
        lambda: saved(image.resize((width * 60, height))),
        lambda: saved(image.resize((1, 1))),
        lambda: saved(image.convert("RGBA").convert("LA")),
        lambda: saved(Image.fromarray(np.uint16(np.asarray(image.convert("L"))) * 257)),
        lambda: saved(Image.fromarray(np.full((height, width), np.nan, np.float32)), "TIFF"),
        lambda: saved(image.convert("CMYK"), "TIFF"),
        lambda: saved(image.convert("P"), "GIF", save_all=True, append_images=[image.convert("P").rotate(90)]),
        lambda: saved(image.transpose(Image.Transpose.ROTATE_90)),
        lambda: saved(Image.new(image.mode, image.size)),
        lambda: saved(Image.new("RGBA", image.size, (255, 0, 0, 7))),
        lambda: saved(image, "ICO"),
    )
    return chance.choice(makers)()


def huge(content, chance):
    """A head that promises more pixels than fit any memory."""
    return content[:16] + (60_000).to_bytes(4, "big") * 2 + content[24:]


PICTURES = (*BYTES, redrawn, redrawn, redrawn, redrawn, huge)


def npy_head(content, chance):
    """An array of another shape or type than its bytes."""
    old = chance.choice((rb"\|u1", rb"\(\d+", rb"False", rb"fortran", rb"shape"))
    new = chance.choice((b"|O", b"<f8", b"(9" * 20, b"(-1", b"True", b"import os", b"(999999999999"))
    return re.sub(old, new, content[:128], count=1) + content[128:]


ARRAYS = (*BYTES, npy_head, npy_head)


# ------------------------------------------------------------------------------------------- checkpoints


def state_changed(state, chance):
    """A key, a shape or a type that no training of ours saves; other values nobody could tell from the true ones."""
    state = copy.deepcopy(state)
    tensors = [at for at in spots(state) if isinstance(_at(state, at), torch.Tensor)]
    kind = chance.randrange(10)
    if kind == 0:
        return chance.choice(({}, [], None, 1, "x", torch.zeros(3)))
    *way, last = chance.choice([at for at in spots(state) if len(at) < 3] if kind < 4 or not tensors else tensors)
    part, value = _at(state, way), _at(state, (*way, last))
    if kind == 1 or kind == 8:
        del part[last]
    elif kind == 2 and isinstance(part, dict):
        part["another"] = part.pop(last)
    elif isinstance(value, torch.Tensor):
        changes = [value.new_zeros(7, 7), value.flatten()[:0], value.bool(), value[None], "x", None]
        changes += [torch.full_like(value.float(), torch.nan), value.to(torch.complex64)]
        part[last] = chance.choice(changes)
    else:
        part[last] = chance.choice(("x", None, [], {}, -1, 10**20, float("nan"), [value], {"x": value}))
    return state


def _at(tree, way):
    for key in way:
        tree = tree[key]
    return tree


def resaved(path, chance):
    """Another state under a name with the right hash."""
    state = torch.load(path, weights_only=True)
    name, place = path.stem.rpartition("-")[0], path.parent
    path.unlink()
    while True:
        try:
            checkpoint.save(place, name, state_changed(state, chance))
            return
        except (TypeError, pickle.PicklingError, RuntimeError, ValueError, OverflowError):
            continue


def renamed_bytes(path, chance):
    """Other bytes under a name with the right hash: a pickle that does something, for one."""
    content = chance.choice((pickled, emptied, truncated, postscript))(path.read_bytes(), chance)
    name = path.stem.rpartition("-")[0]
    path.unlink()
    path.with_name(f"{name}-{checkpoint.sha256(content)[:16]}.pt").write_bytes(content)


CHECKPOINTS = (resaved, resaved, resaved, renamed_bytes)


def republished(path, chance):
    """Other weights than the method's under a published name with the right hash."""
    state = state_changed(torch.load(path, weights_only=True), chance)
    plain = path.with_name("plain")
    torch.save(state, plain)
    stem, digest = path.name.rpartition("-")[0], checkpoint.sha256(plain.read_bytes())
    path.unlink()
    plain.rename(path.with_name(f"{stem}-{digest[:8]}.pth"))


# ------------------------------------------------------------------------------------------- folders of files


def stranger(path, chance):
    """One more file, with a name that is none."""
    names = (
        "..png",
        "\x1b[2J.png",
        "\u202egnp.png",
        "a\nb.png",
        "x" * 250 + ".png",
        "con.png",
        "%2E%2E%2Fx.png",
        "-rf.png",
    )
    shutil.copy2(path, path.with_name(chance.choice(names)))


def twin(path, chance):
    """The same picture under a second name that stands for it."""
    shutil.copy2(path, path.with_name(f"{path.stem}{chance.choice(('_mask', '_out', '_result'))}.png"))


def swapped(path, chance):
    """Two files with each other's name."""
    other = chance.choice(sorted(one for one in path.parent.iterdir() if one != path and one.suffix == path.suffix))
    kept = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def folder_looped(path, chance):
    (path.parent / "again").symlink_to("..")


def folder_elsewhere(path, chance):
    (path.parent / "more").symlink_to("/etc")


FOLDERS = (stranger, stranger, twin, swapped, folder_looped, folder_elsewhere)

ON_CONTENT = {*BYTES, *TEXT, *JSON, *TOML, *CSV, *PICTURES, *ARRAYS}


def mutate(path, mutation, chance):
    """Change the file at `path`, so that it is another one than before where the mutation can do that."""
    if mutation not in ON_CONTENT:
        mutation(path, chance)
        return
    before = after = path.read_bytes()
    for _ in range(20):
        try:
            after = mutation(before, chance)
        except (UnicodeEncodeError, ValueError):
            continue
        if after != before:
            break
    path.write_bytes(after)
