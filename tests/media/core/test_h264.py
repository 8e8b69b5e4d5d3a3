"""Where an H.264 stream can be joined."""

from __future__ import annotations

import random

import pytest

from media.core.h264 import starts_keyframe


@pytest.mark.parametrize(
    "payload",
    [b"\x67\x42", b"\x65\x88", b"\x78\x00\x02\x67\x42\x00\x02\x68\xce", b"\x7c\x85\x88",
     b"\x78\x00\x02\x09\x10\x00\x02\x65\x88"],
    ids=["SPS", "IDR", "STAP-A with SPS", "FU-A start of IDR", "STAP-A with IDR"],
)  # fmt: skip
def test_a_decoder_can_start_here(payload: bytes) -> None:
    assert starts_keyframe(payload)


@pytest.mark.parametrize(
    "payload",
    [b"\x41\x9a", b"\x68\xce", b"\x7c\x05\x88", b"\x65\x40", b"\x78\x00\x02\x41\x9a", b"\x65", b""],
    ids=["slice", "PPS", "FU-A middle", "later slice of IDR", "STAP-A of slices", "cut", "empty"],
)
def test_a_decoder_cannot_start_here(payload: bytes) -> None:
    assert not starts_keyframe(payload)


def test_no_bytes_are_beyond_reading() -> None:
    chance = random.Random(3)

    for _ in range(20_000):
        starts_keyframe(chance.randbytes(chance.randrange(12)))
