"""Every first octet belongs to exactly one protocol."""

from __future__ import annotations

from media.core.demux import Protocol, protocol_of


def test_first_octets_are_told_apart_as_rfc_7983_says() -> None:
    told = {first: protocol_of(first, 96) for first in range(256)}

    assert [f for f, p in told.items() if p is Protocol.STUN] == list(range(4))
    assert [f for f, p in told.items() if p is Protocol.DTLS] == list(range(20, 64))
    assert [f for f, p in told.items() if p is Protocol.SRTP] == list(range(128, 192))
    assert all(told[f] is Protocol.UNKNOWN for f in (4, 19, 64, 79, 127, 192, 255))


def test_rtcp_is_known_by_its_packet_type_with_the_marker_bit_in_it() -> None:
    told = [second for second in range(256) if protocol_of(0x80, second) is Protocol.SRTCP]

    assert told == list(range(192, 224))
