"""RTP packets as bytes: reading what a publisher sent, laying out what a receiver gets."""

from __future__ import annotations

import struct
from typing import NamedTuple

HEADER = struct.Struct("!BBHII")
"First octet, marker and payload type, sequence number, timestamp, SSRC (RFC 3550, section 5.1)."

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
"Its low four bits are free to the application (RFC 8285, section 4.3)."

LONGEST_ONE_BYTE_ELEMENT = 16
HIGHEST_ONE_BYTE_ID = 14


class Malformed(ValueError):
    """Bytes that do not keep to their own lengths."""


class Body(NamedTuple):
    """Where the parts of a packet lie."""

    payload: int
    end: int
    "End of the payload, padding excluded."
    extensions: int
    extensions_end: int
    profile: int
    "0 without a header extension."


def locate_body(packet: memoryview | bytes, length: int) -> Body:
    """Find the payload and the header extension of a packet of `length` octets.

    Raises :class:`Malformed` where CSRCs, extension or padding reach past the packet.
    """
    if length < 12:
        raise Malformed("shorter than an RTP header")
    first = packet[0]
    start = 12 + 4 * (first & 0x0F)
    profile = extensions = extensions_end = 0
    if first & 0x10:
        if start + 4 > length:
            raise Malformed("no room for the extension header")
        profile = packet[start] << 8 | packet[start + 1]
        words = packet[start + 2] << 8 | packet[start + 3]
        extensions = start + 4
        start = extensions_end = extensions + 4 * words
    end = length
    if start > length:
        raise Malformed("header longer than the packet")
    if first & 0x20:
        padding = packet[length - 1]
        if padding == 0 or start + padding > length:
            raise Malformed("padding longer than the payload")
        end -= padding
    return Body(start, end, extensions, extensions_end, profile)


def read_elements(packet: memoryview | bytes, body: Body) -> dict[int, tuple[int, int]]:
    """Where each header extension element lies: id to (position, length).

    An element that reaches past the block ends the reading; what came before it stands. Other
    profiles than those of RFC 8285 have no elements.
    """
    found: dict[int, tuple[int, int]] = {}
    at, end = body.extensions, body.extensions_end
    if body.profile == ONE_BYTE_PROFILE:
        while at < end:
            octet = packet[at]
            at += 1
            if octet == 0:
                continue
            number, length = octet >> 4, (octet & 0x0F) + 1
            if number == 15 or at + length > end:
                break
            found[number] = (at, length)
            at += length
    elif body.profile & 0xFFF0 == TWO_BYTE_PROFILE:
        while at < end:
            number = packet[at]
            at += 1
            if number == 0:
                continue
            if at >= end:
                break
            length = packet[at]
            at += 1
            if at + length > end:
                break
            found[number] = (at, length)
            at += length
    return found


class Shape(NamedTuple):
    """What two receivers' headers must share for their packets to be laid out alike."""

    fixed_length: int
    abs_send_time: int | None
    audio_level: int | None
    two_byte: bool


class ReceiverHeader:
    """Everything between timestamp and payload in the packets to one receiver.

    `fixed` never changes: SSRC, and the start of the extension block with the MID. The stamp
    after it depends on the packet and is the same for all headers of one `shape`. Elements the
    receiver did not negotiate are not there at all.
    """

    __slots__ = ("_padding", "first_octet", "fixed", "shape")

    def __init__(
        self,
        ssrc: int,
        *,
        mid: str = "",
        mid_id: int | None = None,
        abs_send_time_id: int | None = None,
        audio_level_id: int | None = None,
    ) -> None:
        identity = mid.encode()
        with_mid = mid_id is not None and 0 < len(identity) < 256
        ids = [i for i in (mid_id, abs_send_time_id, audio_level_id) if i is not None]
        two_byte = any(number > HIGHEST_ONE_BYTE_ID for number in ids) or (
            with_mid and len(identity) > LONGEST_ONE_BYTE_ELEMENT
        )
        elements = _element(mid_id, identity, two_byte) if with_mid and mid_id is not None else b""
        overhead = 2 if two_byte else 1
        size = len(elements)
        if abs_send_time_id is not None:
            size += overhead + 3
        if audio_level_id is not None:
            size += overhead + 1
        self._padding = bytes(-size % 4)
        self.fixed = ssrc.to_bytes(4, "big")
        self.first_octet = 0x80
        if size:
            profile = TWO_BYTE_PROFILE if two_byte else ONE_BYTE_PROFILE
            words = (size + len(self._padding)) // 4
            self.fixed += struct.pack("!HH", profile, words) + elements
            self.first_octet = 0x90
        self.shape = Shape(len(self.fixed), abs_send_time_id, audio_level_id, two_byte)

    def stamp(self, abs_send_time: int, audio_level: int | None) -> bytes:
        """The changing elements: 24 bits of send time, and the level octet of RFC 6464.

        A packet without a level leaves padding in its place, so the layout stays the same.
        """
        shape = self.shape
        stamp = b""
        if shape.abs_send_time is not None:
            stamp = _element(shape.abs_send_time, abs_send_time.to_bytes(3, "big"), shape.two_byte)
        if shape.audio_level is not None:
            if audio_level is None:
                stamp += bytes(3 if shape.two_byte else 2)
            else:
                stamp += _element(shape.audio_level, bytes((audio_level,)), shape.two_byte)
        return stamp + self._padding


def _element(number: int, value: bytes, two_byte: bool) -> bytes:
    if two_byte:
        return bytes((number, len(value))) + value
    return bytes((number << 4 | len(value) - 1,)) + value


def abs_send_time(seconds: float) -> int:
    """Seconds of any steady clock as 6.18 fixed point, 24 bits that wrap every 64 s."""
    return int(seconds * 262_144) & 0xFFFFFF
