"""Features of truths, kept for the next method that is scored on the same images."""

import hashlib

from torch import Tensor

Features = list[Tensor]

CACHE_BYTES = 2**30
"""About 400 images of 256² for AlexNet, 30 for VGG."""


class FeatureCache:
    """A content-addressed store with room for this many bytes.

    When it is full, the pictures with the smallest digests stay. So it holds the same share of the images however often
    and in whatever order they come, where a store that drops the oldest would drop each just before it is asked for.
    """

    def __init__(self, room_bytes: int = CACHE_BYTES) -> None:
        self.room_bytes = room_bytes
        self.used_bytes = 0
        self._kept: dict[bytes, Features] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, digest: bytes) -> Features | None:
        return self._kept.get(digest)

    def clear(self) -> None:
        self._kept.clear()
        self.used_bytes = 0

    def put(self, digest: bytes, features: Features) -> None:
        self._kept[digest] = features
        self.used_bytes += _size(features)
        while self.used_bytes > self.room_bytes:
            self.used_bytes -= _size(self._kept.pop(max(self._kept)))


def digest_of(picture: Tensor) -> bytes:
    """Of one image's pixels and shape, uint8 on any device."""
    pixels = picture.cpu().contiguous().numpy()
    return hashlib.blake2b(pixels.data, digest_size=16, key=repr(pixels.shape).encode()[:64]).digest()


def _size(features: Features) -> int:
    return sum(feature.numel() * feature.element_size() for feature in features)
