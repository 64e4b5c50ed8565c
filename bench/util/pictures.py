"""Opening a picture safely: documented formats alone, whole to their last byte."""

import io

from PIL import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Pillow would read more by content, some of it with programs that it starts (EPS)."""


def open_picture(content: bytes) -> Image.Image:
    """The picture in a file's bytes, not decoded yet. Raises OSError unless it is one of FORMATS and has its end."""
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    if not _has_end(content, str(image.format)):
        raise OSError("its last bytes are missing")
    return image


def _has_end(content: bytes, form: str) -> bool:
    """Whether the file goes on to its own end, in the formats that Pillow decodes without."""
    if form == "PNG":
        place = 8
        while place + 12 <= len(content):
            end = place + 12 + int.from_bytes(content[place : place + 4], "big")
            if content[place + 4 : place + 8] == b"IEND":
                return end <= len(content)
            place = end
        return False
    if form == "GIF":
        return content.rstrip(b"\0").endswith(b";")
    return form != "BMP" or int.from_bytes(content[2:6], "little") <= len(content)
