"""RTCP packets: compound ones taken apart, and the ones we send put together."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from media.core.reception import ReportBlock
from media.core.rtp import Malformed

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 205, 206
NACK, TRANSPORT_CC = 1, 15
"Formats of transport feedback (RFC 4585, section 6.2; the transport-wide-cc draft, section 3.1)."
PLI, FIR, APPLICATION = 1, 4, 15
"Formats of payload feedback (RFC 4585, section 6.3; RFC 5104, section 4.3.1)."

MOST_BLOCKS = 31
"Report blocks in one packet: the count has five bits."

_SENDER_INFO: Final = struct.Struct("!IQIII")
_BLOCK: Final = struct.Struct("!IIIIII")
_PAIR: Final = struct.Struct("!II")


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Reported:
    """One report block, whoever's report it came in."""

    block: ReportBlock


@dataclass(frozen=True, slots=True)
class Lost:
    """A NACK: these 16-bit sequence numbers of `ssrc` are wanted again."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """A PLI, or one entry of a FIR."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """A REMB: the receiver believes it can take this much of all these streams together."""

    bits_per_second: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """One source of a BYE."""

    ssrc: int


Report = SenderReport | Reported | Lost | KeyframeWanted | Bandwidth | Gone


def read_compound(data: bytes) -> list[Report]:
    """What a (compound or reduced-size, RFC 5506) packet says that we act upon.

    Packets of types we do not know are stepped over. Raises :class:`Malformed` where lengths or
    counts reach past the data; nothing of such a datagram is to be believed.
    """
    reports: list[Report] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise Malformed("RTCP header cut short")
        count, kind = data[at] & 0x1F, data[at + 1]
        end = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3])
        if data[at] >> 6 != 2 or end > len(data):
            raise Malformed("RTCP packet longer than its datagram")
        body = data[at + 4 : end]
        if data[at] & 0x20:
            body = _without_padding(body)
        at = end
        reports.extend(_read_packet(kind, count, body))
    return reports


def _without_padding(body: bytes) -> bytes:
    if not body or body[-1] == 0 or body[-1] > len(body):
        raise Malformed("RTCP padding longer than its packet")
    return body[: -body[-1]]


def _read_packet(kind: int, count: int, body: bytes) -> Iterator[Report]:
    if kind == SENDER_REPORT:
        if len(body) < _SENDER_INFO.size:
            raise Malformed("sender report cut short")
        yield SenderReport(*_SENDER_INFO.unpack_from(body))
        yield from _read_blocks(body[_SENDER_INFO.size :], count)
    elif kind == RECEIVER_REPORT:
        yield from _read_blocks(body[4:], count)
    elif kind == GOODBYE:
        if len(body) < 4 * count:
            raise Malformed("goodbye cut short")
        for (ssrc,) in struct.iter_unpack("!I", body[: 4 * count]):
            yield Gone(ssrc)
    elif kind == TRANSPORT_FEEDBACK and count == NACK:
        yield _read_nack(body)
    elif kind == PAYLOAD_FEEDBACK and count == PLI:
        yield KeyframeWanted(_media_ssrc(body))
    elif kind == PAYLOAD_FEEDBACK and count == FIR:
        _media_ssrc(body)
        for ssrc, _ in _pairs(body[8:]):
            yield KeyframeWanted(ssrc)
    elif kind == PAYLOAD_FEEDBACK and count == APPLICATION and body[8:12] == b"REMB":
        yield _read_bandwidth(body)


def _read_blocks(data: bytes, count: int) -> Iterator[Reported]:
    if len(data) < count * _BLOCK.size:
        raise Malformed("report blocks cut short")
    for index in range(count):
        ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(data, index * _BLOCK.size)
        lost = loss & 0xFFFFFF
        if lost & 0x800000:
            lost -= 1 << 24
        yield Reported(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last, delay))


def _read_nack(body: bytes) -> Lost:
    ssrc = _media_ssrc(body)
    sequences: list[int] = []
    for packed in struct.iter_unpack("!HH", body[8 : 8 + (len(body) - 8) // 4 * 4]):
        first, following = packed
        sequences.append(first)
        for bit in range(16):
            if following >> bit & 1:
                sequences.append((first + bit + 1) & 0xFFFF)
    return Lost(ssrc, tuple(sequences))


def _read_bandwidth(body: bytes) -> Bandwidth:
    """draft-alvestrand-rmcat-remb, section 2.2."""
    if len(body) < 16 or len(body) < 16 + 4 * body[12]:
        raise Malformed("REMB cut short")
    packed = int.from_bytes(body[13:16], "big")
    ssrcs = tuple(ssrc for (ssrc,) in struct.iter_unpack("!I", body[16 : 16 + 4 * body[12]]))
    return Bandwidth((packed & 0x3FFFF) << (packed >> 18), ssrcs)


def _media_ssrc(body: bytes) -> int:
    if len(body) < 8:
        raise Malformed("feedback cut short")
    return int.from_bytes(body[4:8], "big")


def _pairs(body: bytes) -> Iterator[tuple[int, int]]:
    for at in range(0, len(body) - 7, 8):
        first, second = _PAIR.unpack_from(body, at)
        yield first, second


def _packet(kind: int, count: int, body: bytes) -> bytes:
    """`body` must fill whole words."""
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(report: SenderReport) -> bytes:
    return _packet(
        SENDER_REPORT,
        0,
        _SENDER_INFO.pack(report.ssrc, report.ntp, report.timestamp, report.packets, report.octets),
    )


def receiver_report(ssrc: int, blocks: Iterable[ReportBlock] = ()) -> bytes:
    """A receiver report of at most :data:`MOST_BLOCKS` blocks; a longer list is cut."""
    packed = [
        _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | block.packets_lost & 0xFFFFFF,
            block.highest,
            block.jitter,
            block.last_report,
            block.delay_since_last_report,
        )
        for block in list(blocks)[:MOST_BLOCKS]
    ]
    return _packet(RECEIVER_REPORT, len(packed), ssrc.to_bytes(4, "big") + b"".join(packed))


def source_description(ssrc: int, canonical_name: str) -> bytes:
    """CNAME alone (RFC 3550, section 6.5.1), at most 255 octets of it."""
    name = canonical_name.encode()[:255]
    chunk = ssrc.to_bytes(4, "big") + bytes((1, len(name))) + name
    chunk += bytes(4 - len(chunk) % 4)
    return _packet(SOURCE_DESCRIPTION, 1, chunk)


def picture_loss_indication(sender: int, media: int) -> bytes:
    return _packet(PAYLOAD_FEEDBACK, PLI, _PAIR.pack(sender, media))


def negative_acknowledgement(sender: int, media: int, sequences: Iterable[int]) -> bytes:
    """Ask again for these sequence numbers (wrapped here), given in ascending order.

    No entry's bits reach across the wrap: aiortc 1.16 would look for 65,536.
    """
    entries: list[tuple[int, int]] = []
    first = following = 0
    for sequence in sequences:
        ahead = (sequence & 0xFFFF) - first
        if entries and 0 < ahead <= 16:
            following |= 1 << ahead - 1
            entries[-1] = (first, following)
        else:
            first, following = sequence & 0xFFFF, 0
            entries.append((first, following))
    packed = b"".join(struct.pack("!HH", *entry) for entry in entries)
    return _packet(TRANSPORT_FEEDBACK, NACK, _PAIR.pack(sender, media) + packed)


def transport_feedback(sender: int, media: int, body: bytes) -> bytes:
    """`body`: what :mod:`media.core.transport_cc` built, in whole words."""
    return _packet(TRANSPORT_FEEDBACK, TRANSPORT_CC, _PAIR.pack(sender, media) + body)
