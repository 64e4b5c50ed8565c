import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

from bench.data.decode import UnusableError, centre_square, decode, read_square, resize, size
from bench.masks.files import read_mask
from bench.util.errors import UserError


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)


def test_rgb_png_is_exact(tmp_path, noise):
    Image.fromarray(noise).save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png"), noise)


def test_exif_orientation_is_applied(tmp_path):
    # Stored wide with orientation 6 (turn clockwise): the stored left column becomes the top row.
    stored = np.zeros((16, 32, 3), dtype=np.uint8)
    stored[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=100)
    shown = decode(tmp_path / "a.jpg")
    assert shown.shape == (32, 16, 3)
    assert shown[:15].min() > 240
    assert shown[17:].max() < 15


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pictures_size_without_its_pixels(tmp_path, orientation, noise):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise).save(tmp_path / "a.jpg", exif=exif)
    assert size(tmp_path / "a.jpg") == decode(tmp_path / "a.jpg").shape[:2]


def test_the_size_of_arrays_and_of_what_is_none(tmp_path, noise):
    np.save(tmp_path / "a.npy", noise.transpose(2, 0, 1)[None])
    assert size(tmp_path / "a.npy") == (218, 178)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(UnusableError, match="damaged, or not a picture"):
        size(tmp_path / "b.png")


def test_gray_palette_and_one_bit(tmp_path):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(gray).save(tmp_path / "g.png")
    assert np.array_equal(decode(tmp_path / "g.png"), np.repeat(gray[..., None], 3, axis=2))
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    palette.save(tmp_path / "p.png")
    assert (decode(tmp_path / "p.png") == (10, 200, 30)).all()
    Image.new("1", (4, 4), 1).save(tmp_path / "b.png")
    assert (decode(tmp_path / "b.png") == 255).all()


def test_cmyk_jpeg(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=100)
    assert np.abs(decode(tmp_path / "c.jpg").astype(int) - (255, 0, 0)).max() < 6


def test_what_is_transparent_lies_on_white(tmp_path):
    picture = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    picture.save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").tolist() == [[[255, 0, 0], [255, 255, 255]]]
    Image.new("L", (1, 1), 7).save(tmp_path / "key.png", transparency=7)
    assert (decode(tmp_path / "key.png") == 255).all()


def test_sixteen_bits_are_scaled(tmp_path):
    wide = np.array([[0, 257, 128 * 257, 300, 65535, 65406]], dtype=np.uint16)
    for name in ("w.png", "w.tif"):
        Image.fromarray(wide).save(tmp_path / name)
        assert decode(tmp_path / name)[0, :, 0].tolist() == np.rint(wide[0] / 257).tolist()


def wide_png(values, colour_type):
    """A 16-bit PNG, written out by hand: what any encoder must give."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_of_every_kind_are_rounded(tmp_path, kind, channels):
    values = np.random.default_rng(0).integers(0, 65536, (37, 51, channels)).astype(np.uint16)
    if channels in (2, 4):
        values[..., -1] = 65535
    (tmp_path / "w.png").write_bytes(wide_png(values, kind))
    colours = values[..., : 1 if channels < 3 else 3]
    assert np.array_equal(decode(tmp_path / "w.png"), np.broadcast_to(np.rint(colours / 257), (37, 51, 3)))


def test_sixteen_bit_tiff_and_ppm_are_rounded_and_turned(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (37, 51, 3)).astype(np.uint16)
    for name in ("w.tif", "w.ppm"):
        cv2.imwrite(str(tmp_path / name), values[..., ::-1])
        assert np.array_equal(decode(tmp_path / name), np.rint(values / 257)), name
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = wide_png(values, 2)
    part = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
    (tmp_path / "turned.png").write_bytes(whole[:33] + chunk + whole[33:])
    assert np.array_equal(decode(tmp_path / "turned.png"), np.rint(np.rot90(values, -1) / 257))


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n{ } loop\n%%EOF\n"


def test_only_regular_files_of_the_documented_formats_are_opened(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *args, **more: pytest.fail("a program was started"))
    (tmp_path / "face.png").write_bytes(EPS)
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.png").mkdir()
    for name in ("face.png", "pipe.png", "pipe.npy", "folder.png"):
        with pytest.raises(UnusableError, match=name):
            decode(tmp_path / name)
    for name in ("face.png", "pipe.png"):
        with pytest.raises(UserError, match=name):
            read_mask(tmp_path / name, True)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "a.tif", "a.ppm"])
def test_a_picture_without_its_last_bytes_is_damaged(tmp_path, noise, name):
    Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    decode(tmp_path / name)
    for missing in (1, 2, 4, 12, 13, 16):
        (tmp_path / name).write_bytes(whole[:-missing])
        with pytest.raises(UnusableError):
            decode(tmp_path / name)
    (tmp_path / name).write_bytes(whole + b"\0" * 16)  # padded, as some cards and archives do
    decode(tmp_path / name)


def test_broken_links_and_forbidden_files_are_unusable(tmp_path, noise):
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(UnusableError, match="a broken link"):
        decode(tmp_path / "link.png")
    with pytest.raises(UnusableError, match="too many levels"):
        decode(tmp_path / "loop.png")


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (decode(tmp_path / "a.gif") == (255, 0, 0)).all()


def test_celeba_hq_array(tmp_path, noise):
    np.save(tmp_path / "a.npy", noise.transpose(2, 0, 1)[None])
    assert np.array_equal(decode(tmp_path / "a.npy"), noise)
    np.save(tmp_path / "b.npy", noise.astype(np.float32))
    with pytest.raises(UnusableError, match="float32"):
        decode(tmp_path / "b.npy")
    np.save(tmp_path / "c.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnusableError):
        decode(tmp_path / "c.npy")


def test_damaged_files_are_named(tmp_path, noise):
    Image.fromarray(noise).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    for name, broken in {"cut.jpg": content[: len(content) // 2], "text.png": b"hello", "empty.jpg": b""}.items():
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(UnusableError, match=name) as caught:
            decode(tmp_path / name)
        assert str(tmp_path) not in caught.value.reason
    Image.fromarray(np.zeros((4, 4), dtype=np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(UnusableError, match="floating-point"):
        decode(tmp_path / "f.tif")


def test_a_file_out_of_reach_is_not_a_damaged_one(tmp_path):
    with pytest.raises(UserError, match="No such file") as caught:
        decode(tmp_path / "gone.png")
    assert not isinstance(caught.value, UnusableError)


def test_resize_is_the_antialiased_one(noise):
    picture = torch.from_numpy(noise[:178]).permute(2, 0, 1)
    reference = functional.resize(picture, [64, 64], antialias=True).permute(1, 2, 0).numpy()
    assert np.abs(resize(noise[:178], 64, 64).astype(int) - reference).max() <= 1
    aliased = functional.resize(picture, [64, 64], antialias=False).permute(1, 2, 0).numpy()
    assert np.abs(aliased.astype(int) - reference).max() > 20


def test_resize_never_enlarges(noise):
    assert resize(noise, 218, 178) is noise
    with pytest.raises(ValueError, match="not enlarged"):
        resize(noise, 219, 178)


def test_centre_square_of_celeba_is_178(noise):
    reference = functional.center_crop(torch.from_numpy(noise).permute(2, 0, 1), [178, 178]).permute(1, 2, 0)
    assert np.array_equal(centre_square(noise), reference.numpy())
    assert np.array_equal(centre_square(noise.transpose(1, 0, 2)), reference.numpy().transpose(1, 0, 2))


def test_small_pictures_are_unusable(tmp_path, noise):
    Image.fromarray(noise).save(tmp_path / "a.png")
    assert read_square(tmp_path / "a.png", 178).shape == (178, 178, 3)
    with pytest.raises(UnusableError, match="218x178 is smaller than 179x179"):
        read_square(tmp_path / "a.png", 179)
