from __future__ import annotations

import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.core.depacketize import FRAME_LIMIT, Depacketizer, Frame, depacketizer, opus_duration
from media.core.sps import picture_size
from tests.support.rtp_media import H264, OPUS, VP8, pictures, sent, tone


def frames_of(codec: str, payloads: list[tuple[bytes, int, bool, bool]]) -> list[Frame]:
    """Payload, timestamp, marker, after a loss."""
    taken: Depacketizer | None = depacketizer(codec)
    assert taken is not None
    found: list[Frame] = []
    for payload, timestamp, marker, after_loss in payloads:
        found += taken.push(payload, timestamp=timestamp, marker=marker, after_loss=after_loss)
    return found


def test_frames_come_out_as_they_went_in() -> None:
    encoded = pictures(VP8, 1.0, size=(640, 480), busy=True)
    packets = sent(encoded, source=1, codec=VP8, interval_s=0.04)
    assert len(packets) > len(encoded)

    found = frames_of("VP8", [(p.payload, p.timestamp, p.marker, False) for p in packets])

    assert [f.data for f in found] == encoded
    assert [(f.keyframe, f.width, f.height) for f in found[:2]] == [(True, 640, 480), (False, 0, 0)]


def test_h264_units_get_lengths_and_the_parameter_sets_a_place_of_their_own() -> None:
    encoded = pictures(H264, 1.0, size=(642, 360), busy=True)
    packets = sent(encoded, source=1, codec=H264, interval_s=0.04)

    found = frames_of("H264", [(p.payload, p.timestamp, p.marker, False) for p in packets])

    assert len(found) == 25
    first = found[0]
    assert (first.keyframe, first.width, first.height) == (True, 642, 360)
    assert first.private[0] == 1 and first.private[4] == 0xFF
    for frame in found:
        at = 0
        while at < len(frame.data):
            (size,) = struct.unpack_from(">I", frame.data, at)
            assert frame.data[at + 4] & 0x1F in (1, 5, 6)
            at += 4 + size
        assert at == len(frame.data)


def test_fragments_are_joined_and_a_lost_one_spoils_its_frame() -> None:
    sets = [(b"\x67\x42\xc0\x0a\xda\x0f\x0a\x69\xa8", 1, False, False)]
    sets += [(b"\x68\xce\x3c\x80", 1, False, False)]
    first, middle, last = b"\x7c\x85\x88one", b"\x7c\x05two", b"\x7c\x45three"

    whole = frames_of(
        "H264",
        [*sets, (first, 1, False, False), (middle, 1, False, False), (last, 1, True, False)],
    )
    torn = frames_of("H264", [*sets, (first, 1, False, False), (last, 1, True, True)])

    assert [f.data for f in whole] == [b"\x00\x00\x00\x0d\x65\x88onetwothree"]
    assert torn == []


@pytest.mark.parametrize("lost", range(3))
def test_a_vp8_frame_with_a_piece_missing_is_none(lost: int) -> None:
    keyframe = b"\x00\x00\x00\x9d\x01\x2a\xa0\x00\x78\x00" + bytes(20)
    pieces = [b"\x10" + keyframe[:12], b"\x00" + keyframe[12:20], b"\x00" + keyframe[20:]]
    payloads = [(piece, 9, n == 2, lost == n - 1) for n, piece in enumerate(pieces) if n != lost]
    after = (b"\x10" + keyframe, 10, True, lost == 2)

    found = frames_of("VP8", [*payloads, after])

    assert [f.timestamp for f in found] == [10]


def test_a_missing_marker_does_not_join_two_frames() -> None:
    keyframe = b"\x10\x00\x00\x00\x9d\x01\x2a\xa0\x00\x78\x00"
    found = frames_of("VP8", [(keyframe, 1, False, False), (b"\x10\x01delta", 2, True, False)])

    assert [(f.timestamp, f.data[0] & 1) for f in found] == [(1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (b"\x08", 960),  # SILK, 20 ms: what discontinuous transmission sends
        (b"\x18\x00", 2880),  # SILK, 60 ms
        (b"\xf8\x00", 960),  # CELT, 20 ms
        (b"\xe0\x00", 120),  # CELT, 2.5 ms
        (b"\xf9\x00", 1920),  # two frames
        (b"\xfb\x06", 5760),  # six frames: the most there may be
        (b"\xfb\x07", 0),
        (b"\xfb", 0),
    ],
)
def test_opus_tells_its_length(packet: bytes, samples: int) -> None:
    assert opus_duration(packet) == samples


def test_every_encoded_packet_is_twenty_milliseconds() -> None:
    assert {opus_duration(packet) for packet in tone(0.5)} == {960}
    assert OPUS.clock_rate == 48_000


@pytest.mark.parametrize("size", [(16, 16), (160, 120), (642, 362), (1920, 1080), (720, 1280)])
def test_a_picture_size_is_read_from_its_parameter_set(size: tuple[int, int]) -> None:
    (encoded,) = pictures(H264, 0.04, size=size)
    sps = next(unit for unit in encoded.split(b"\x00\x00\x01") if unit[0] & 0x1F == 7)

    assert picture_size(sps.rstrip(b"\x00")) == size


@given(st.binary(max_size=40))
def test_a_broken_parameter_set_is_refused(data: bytes) -> None:
    try:
        width, height = picture_size(b"\x67" + data)
    except ValueError:
        return
    assert 0 < width <= 16_384 and 0 < height <= 32_768


@pytest.mark.parametrize(
    ("codec", "first", "more"),
    [
        ("H264", b"\x7c\x85", b"\x7c\x05"),
        ("H264", b"\x65\x88", b"\x65\x88"),
        ("VP8", b"\x10\x00", b"\x00\x00"),
    ],
    ids=["h264 fragments", "h264 units", "vp8"],
)
def test_a_frame_without_an_end_does_not_fill_the_memory(
    codec: str, first: bytes, more: bytes
) -> None:
    taken = depacketizer(codec)
    assert taken is not None
    tracemalloc.start()

    taken.push(first, timestamp=1, marker=False, after_loss=False)
    for _ in range(2 * FRAME_LIMIT // 60_000):
        taken.push(more + bytes(60_000), timestamp=1, marker=False, after_loss=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1.5 * FRAME_LIMIT
    assert taken.push(more, timestamp=1, marker=True, after_loss=False) == []


def test_a_parameter_set_of_impossible_size_is_not_one() -> None:
    start, end = b"\x7c\x88" + bytes(60_000), b"\x7c\x48" + bytes(60_000)
    sets = [(b"\x67\x42\xc0\x0a\xda\x0f\x0a\x69\xa8", 1, False, False)]
    sets += [(b"\x68\xce\x3c\x80", 1, False, False)]

    found = frames_of(
        "H264",
        [*sets, (start, 1, False, False), (end, 1, False, False), (b"\x65\x88", 1, True, False)],
    )

    assert [len(frame.private) < 100 for frame in found] == [True]


@given(
    st.sampled_from(["OPUS", "VP8", "H264"]),
    st.lists(
        st.tuples(st.binary(max_size=30), st.integers(0, 3), st.booleans(), st.booleans()),
        max_size=20,
    ),
)
def test_whatever_a_sender_sends_nothing_breaks(
    codec: str, payloads: list[tuple[bytes, int, bool, bool]]
) -> None:
    for frame in frames_of(codec, payloads):
        assert frame.data
