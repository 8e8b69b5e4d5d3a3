"""VP8 descriptors of every length, and picture ids that go on across a switch."""

from __future__ import annotations

import random

import pytest

from media.core.vp8 import PictureNumbers, read_descriptor

KEYFRAME = b"\x10\x02\x00\x9d\x01\x2a"


@pytest.mark.parametrize(
    ("start", "picture", "tl0"),
    [
        (b"\x10", None, None),
        (b"\x90\x00", None, None),
        (b"\x90\x80\x2a", 42, None),
        (b"\x90\x80\x81\x02", 258, None),
        (b"\x90\xe0\xff\xff\x07\x40", 32_767, 7),
        (b"\x90\x40\x09", None, 9),
        (b"\x90\x30\x00", None, None),
        (b"\x90\xf0\x01\x02\x03", 1, 2),
    ],
)
def test_a_keyframe_is_found_behind_every_form_of_descriptor(
    start: bytes, picture: int | None, tl0: int | None
) -> None:
    descriptor = read_descriptor(start + KEYFRAME[1:].replace(b"\x02", b"\x10", 1))

    assert descriptor.starts_keyframe
    assert (descriptor.picture_id, descriptor.tl0_index) == (picture, tl0)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\x10\x11\x00\x9d", "an interframe"),
        (b"\x00\x10\x00\x9d", "not the frame's start"),
        (b"\x11\x10\x00\x9d", "another partition"),
        (b"\x10", "no frame header"),
        (b"\x90", "cut in the descriptor"),
        (b"\x90\x80\x81", "cut in the picture id"),
        (b"", "empty"),
    ],
)
def test_nothing_else_is_taken_for_a_keyframe(payload: bytes, why: str) -> None:
    assert not read_descriptor(payload).starts_keyframe, why


def test_no_bytes_are_beyond_reading_or_renumbering() -> None:
    chance = random.Random(5)
    numbers = PictureNumbers()
    numbers.end(read_descriptor(b"\x90\xc0\xff\xff\x07"))
    numbers.begin(read_descriptor(b"\x90\xc0\x80\x05\x01\x10"))

    for _ in range(20_000):
        payload = chance.randbytes(chance.randrange(9))

        assert len(numbers.rewrite(payload, read_descriptor(payload))) == len(payload)


@pytest.mark.parametrize("last", [0, 1, 32_766, 32_767])
@pytest.mark.parametrize("first", [0, 5, 32_767])
def test_the_picture_after_a_switch_follows_the_last_one_before(last: int, first: int) -> None:
    numbers = PictureNumbers()
    numbers.end(read_descriptor(b"\x90\xc0" + (0x8000 | last).to_bytes(2, "big") + b"\xff\x11"))
    payload = b"\x90\xc0" + (0x8000 | first).to_bytes(2, "big") + b"\x33\x10rest"
    descriptor = read_descriptor(payload)

    numbers.begin(descriptor)

    renumbered = read_descriptor(numbers.rewrite(payload, descriptor))
    assert renumbered.picture_id == (last + 1) & 0x7FFF
    assert renumbered.tl0_index == 0
    assert renumbered.starts_keyframe


def test_a_short_picture_id_stays_short() -> None:
    numbers = PictureNumbers()
    numbers.end(read_descriptor(b"\x90\x80\x7f\x11"))
    payload = b"\x90\x80\x03\x10rest"

    numbers.begin(read_descriptor(payload))

    assert numbers.rewrite(payload, read_descriptor(payload)) == b"\x90\x80\x00\x10rest"


def test_a_receiver_that_never_switched_is_left_alone() -> None:
    numbers = PictureNumbers()

    numbers.begin(read_descriptor(b"\x90\x80\x03\x10"))

    assert not numbers.changes_anything
