"""Packets with every part in its place, and packets that lie about their parts."""

from __future__ import annotations

import random

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket

from media.core.rtp import (
    Malformed,
    ReceiverHeader,
    abs_send_time,
    locate_body,
    read_elements,
)

START = bytes.fromhex("8060000100000002000000ff")


def element(packet: bytes, number: int) -> bytes | None:
    found = read_elements(packet, locate_body(packet, len(packet)))
    if number not in found:
        return None
    at, length = found[number]
    return packet[at : at + length]


def test_payload_lies_behind_csrcs_and_extension_and_before_padding() -> None:
    packet = (
        b"\xb2" + START[1:] + b"CCCCcccc" + bytes.fromhex("bede0001") + b"\x10\x30\x00\x00"
    ) + b"payload\x00\x00\x03"

    body = locate_body(packet, len(packet))

    assert packet[body.payload : body.end] == b"payload"
    assert element(packet, 1) == b"0"


@pytest.mark.parametrize(
    "packet",
    [
        START[:11],
        b"\x8f" + START[1:],
        b"\x90" + START[1:],
        b"\x90" + START[1:] + bytes.fromhex("bede0002") + b"\x10\x30\x00\x00",
        b"\xa0" + START[1:] + b"payload\xff",
        b"\xa0" + START[1:] + b"payload\x00",
        b"\xa0" + START[1:] + b"pay\x09",
        b"\xb0" + START[1:] + bytes.fromhex("bede0001") + b"\x10\x30\x00\x05",
    ],
    ids=["short", "csrcs", "no extension", "long extension", "padding 255", "padding 0",
         "padding over payload", "padding over extension"],
)  # fmt: skip
def test_a_packet_that_lies_about_its_parts_is_malformed(packet: bytes) -> None:
    with pytest.raises(Malformed):
        locate_body(packet, len(packet))


def test_an_element_reaching_past_its_block_ends_the_reading() -> None:
    packet = b"\x90" + START[1:] + bytes.fromhex("bede0001") + b"\x10\x30\x5f\x00"

    assert element(packet, 1) == b"0"
    assert element(packet, 5) is None


def test_two_byte_elements_are_read() -> None:
    packet = b"\x90" + START[1:] + bytes.fromhex("10000002") + b"\x14\x03abc\x00\x05\x00"

    assert element(packet, 20) == b"abc"
    assert element(packet, 5) == b""


def test_any_bytes_are_either_a_packet_or_malformed() -> None:
    chance = random.Random(7)

    for _ in range(20_000):
        packet = bytes((chance.choice((0x80, 0x90, 0xB0, 0xBF)),)) + chance.randbytes(
            chance.randrange(60)
        )
        try:
            body = locate_body(packet, len(packet))
        except Malformed:
            continue
        for at, length in read_elements(packet, body).values():
            assert at + length <= len(packet)
        assert 12 <= body.payload <= body.end <= len(packet)


def for_receiver(header: ReceiverHeader, level: int | None) -> RtpPacket:
    """Read by an independent implementation."""
    known = HeaderExtensionsMap()
    known.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=number, uri=uri)
                for number, uri in (
                    (20 if header.shape.two_byte else 3, "urn:ietf:params:rtp-hdrext:sdes:mid"),
                    (5, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
                    (7, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
                )
            ]
        )
    )
    packet = bytes((header.first_octet,)) + START[1:8] + header.fixed
    packet += header.stamp(0x123456, level) + b"payload"
    return RtpPacket.parse(packet, known)


@pytest.mark.parametrize("mid", ["0", "12", "abc", "a-longer-mid", "sixteen-octets-x"])
def test_a_receiver_reads_its_own_mid_time_and_level(mid: str) -> None:
    header = ReceiverHeader(255, mid=mid, mid_id=3, abs_send_time_id=5, audio_level_id=7)

    packet = for_receiver(header, 0x80 | 30)

    assert packet.ssrc == 255
    assert packet.extensions.mid == mid
    assert packet.extensions.abs_send_time == 0x123456
    assert packet.extensions.audio_level == (True, 30)
    assert packet.payload == b"payload"


def test_ids_and_mids_too_large_for_one_byte_elements_use_two() -> None:
    header = ReceiverHeader(255, mid="m" * 40, mid_id=20, abs_send_time_id=5, audio_level_id=7)

    packet = for_receiver(header, 30)

    assert packet.extensions.mid == "m" * 40
    assert packet.extensions.abs_send_time == 0x123456


def test_what_the_receiver_did_not_negotiate_is_not_sent() -> None:
    header = ReceiverHeader(255, mid="0")

    packet = for_receiver(header, 30)

    assert header.first_octet == 0x80
    assert packet.payload == b"payload"


def test_a_packet_without_a_level_keeps_the_layout_and_claims_no_level() -> None:
    header = ReceiverHeader(255, mid="0", mid_id=3, audio_level_id=7)

    packet = for_receiver(header, None)

    assert packet.extensions.audio_level is None
    assert len(header.stamp(0, None)) == len(header.stamp(0, 30))


def test_send_time_has_eighteen_bits_of_fraction_and_wraps_after_64_seconds() -> None:
    assert abs_send_time(1.5) == 0x60000
    assert abs_send_time(65.5) == abs_send_time(1.5)
