"""What the reference engine keeps of legs, sources and forwards."""

from __future__ import annotations

import random
import struct
from typing import Any, Final

from media.core.allowance import Allowance
from media.core.clock import MediaClock, WallOffset
from media.core.delivery import Delivery
from media.core.history import History, SentPacket
from media.core.keyframes import KeyframeAsker
from media.core.nack import LossTracker, ResendLimit
from media.core.reception import Reception
from media.core.rewriter import Rewriter
from media.core.rtp import ReceiverHeader
from media.core.serial import Unwrapper
from media.core.transport_cc import ArrivalLog
from media.core.vp8 import Descriptor, PictureNumbers, read_descriptor
from media.engine import srtp
from media.engine.codecs import match_codec
from media.engine.fan import SEALED_ROOM, Fan
from media.engine.port import (
    Codec,
    Extensions,
    ForwardId,
    ForwardSpec,
    ForwardStats,
    LegId,
    SourceId,
    SourceSpec,
    SourceStats,
    SrtpKeys,
    Tap,
)
from media.engine.udp import SLOT, Buffer, Endpoint

VIDEO_HISTORY, AUDIO_HISTORY = 1024, 256
"Packets kept of a source: a second or more of each."
SEALED_HISTORY = 512
"Packets kept as they went out, for a receiver of video without RTX."
MOST_SSRCS = 64
"SSRCs that one leg may have in use, of each sort: media, unroutable, RTCP senders."
PACKETS_PER_SECOND = 2_000
"""What one peer may send, and as much at once: 19 Mbit/s of full packets. A camera and a screen at
their best send half of it. More: one peer can take a larger part of a core, times its receivers."""
RTCP_WORD = 64
"Octets of RTCP that count as one more packet: four of them can ask for seventeen."

LOUD = 40
"""Levels are -dBov. Speech into a usual microphone has 15 to 35, a quiet room 55 and more. Higher:
noise counts as speaking; lower: who speaks softly does not."""

_START: Final = struct.Struct("!BBHI")


class Leg:
    """One peer's transport."""

    def __init__(self, number: LegId, endpoint: Endpoint, keys: SrtpKeys, *, now: float) -> None:
        self.id = number
        self.endpoint = endpoint
        self.inbound = srtp.SrtpSession(keys.profile, keys.inbound, inbound=True)
        self.outbound = srtp.SrtpSession(keys.profile, keys.outbound, inbound=False)
        self.sources: list[Source] = []
        self.forwards: dict[int, Forward] = {}
        "By SSRC, that of retransmissions too."
        self.routes: dict[int, Source] = {}
        "Incoming SSRCs whose source is known."
        self.strangers: dict[int, None] = {}
        "Authentic SSRCs without a source, oldest first."
        self.reporters: set[int] = set()
        "SSRCs that have sent RTCP."
        self.ssrc = random.getrandbits(32)
        "What our reports on this leg are sent as."
        self.used_ssrcs = {self.ssrc}
        "No SSRC goes out twice under one key with its numbering begun anew."
        self.inflow = Allowance(PACKETS_PER_SECOND, PACKETS_PER_SECOND)
        "What the peer may send us just now, in packets. Only authentic ones count."
        self.arrivals = ArrivalLog()
        self.wall_offset = WallOffset()
        # Spread over the interval, so that a thousand legs do not report at once.
        self.report_at = now + random.uniform(0.5, 1.0)
        self.feedback_at = now
        self._scratch = Buffer(SLOT + SEALED_ROOM)
        self._length: Any = srtp.ffi.new("int *")

    def seal(self, packet: bytes) -> bytes | None:
        """Encrypt one RTP packet; None when libsrtp will not, as for an index it has used."""
        return self._seal(srtp.protect, packet)

    def seal_rtcp(self, packet: bytes) -> bytes | None:
        return self._seal(srtp.protect_rtcp, packet)

    def _seal(self, protect: Any, packet: bytes) -> bytes | None:
        size = len(packet)
        if size + srtp.TRAILER > len(self._scratch.view):
            return None
        self._scratch.view[:size] = packet
        self._length[0] = size
        if protect(self.outbound.pointer, self._scratch.pointer, self._length):
            return None
        return bytes(self._scratch.view[: self._length[0]])

    def claim_ssrc(self, ssrc: int) -> None:
        """Raises ValueError for an SSRC that has been sent on this leg before."""
        if ssrc in self.used_ssrcs:
            raise ValueError(f"SSRC {ssrc} was in use on this leg before")
        self.used_ssrcs.add(ssrc)

    def note_stranger(self, ssrc: int) -> None:
        """Remember an SSRC nobody wants; of too many, libsrtp forgets the oldest."""
        self.strangers[ssrc] = None
        if len(self.strangers) > MOST_SSRCS:
            oldest = next(iter(self.strangers))
            del self.strangers[oldest]
            self.inbound.forget(oldest)


class Source:
    """A track published on a leg."""

    def __init__(self, number: SourceId, leg: Leg, spec: SourceSpec) -> None:
        self.id = number
        self.leg = leg
        self.spec = spec
        self.is_video = spec.kind == "video"
        self.codecs = {codec.payload_type: codec for codec in spec.codecs}
        self.repair_types: dict[int, Codec] = {
            codec.rtx_payload_type: codec
            for codec in spec.codecs
            if codec.rtx_payload_type is not None
        }
        self.reads_extensions = (
            spec.extensions.audio_level is not None or spec.extensions.transport_cc is not None
        )
        self.reception: Reception | None = None
        self.timestamps = Unwrapper(32)
        size = VIDEO_HISTORY if self.is_video else AUDIO_HISTORY
        self.history: History[SentPacket] = History(size)
        self.since: int | None = None
        "The first sequence number that may be in `history`."
        self.losses = LossTracker()
        self.asker = KeyframeAsker()
        self.clock = MediaClock()
        self.muted = False
        self.tap: Tap | None = None
        self.waiting: list[Forward] = []
        self.playing: list[Forward] = []
        self.fans: dict[int, Fan] = {}
        "By the publisher's payload type; built when first needed, gone when `playing` changes."
        self.newest: SentPacket | None = None
        self.newest_at = 0.0
        self.newest_descriptor: Descriptor | None = None
        self.heard_at: float | None = None
        "When its SSRC last spoke, muted or not; None once that said goodbye."
        self.first_at: float | None = None
        self.packets = self.octets = self._lost_before = self._expected_before = 0
        self.resent = self.recovered = 0
        "Asked for and got: under its own SSRC, which counts it as received, and by RTX."
        self.levelled = self.loud = 0
        self.last_packet_at: float | None = None

    def stats(self) -> SourceStats:
        heard = self.reception
        return SourceStats(
            packets=self.packets,
            bytes=self.octets,
            packets_lost=self._lost_before + (heard.packets_lost if heard else 0) + self.resent,
            last_packet_at=self.last_packet_at,
            packets_expected=self._expected_before + (heard.packets_expected if heard else 0),
            packets_repaired=self.resent + self.recovered,
            jitter_s=heard.jitter_s if heard else None,
            packets_levelled=self.levelled,
            packets_loud=self.loud,
        )

    def hear_level(self, octet: int) -> None:
        """The level that came with a packet: RFC 6464, section 3, 0 the loudest."""
        self.levelled += 1
        if octet & 0x7F <= LOUD:
            self.loud += 1

    @property
    def wanted(self) -> bool:
        """Whether anybody would see a keyframe."""
        return bool(self.playing or self.tap or any(not forward.paused for forward in self.waiting))

    def begin_stream(self, ssrc: int) -> None:
        """From here on the source is this SSRC. Numbers go on growing; receivers start over."""
        after = None
        if self.reception is not None:
            after = self.reception.highest
            self._lost_before += self.reception.packets_lost
            self._expected_before += self.reception.packets_expected
        self.reception = Reception(ssrc, after=after)
        self.clock = MediaClock()
        self.silence()

    def settle(self) -> None:
        """Bring the counters of all that plays up to date and drop the fans."""
        for fan in self.fans.values():
            fan.settle()
        self.fans.clear()

    def join(self, forward: Forward, packet: SentPacket, codec: Codec, *, now: float) -> None:
        """A waiting forward plays from this packet on."""
        self.settle()
        self.waiting.remove(forward)
        self.playing.append(forward)
        forward.rewriter.begin(packet.sequence, packet.timestamp, codec.clock_rate, now=now)
        if codec.name == "VP8":
            forward.numbers.begin(read_descriptor(packet.payload))

    def rest(self, forward: Forward) -> None:
        """A playing forward falls silent, but stays where it can join again."""
        self.settle()
        self.playing.remove(forward)
        self.waiting.append(forward)
        if self.newest is not None:
            forward.rewriter.end(self.newest.sequence, self.newest.timestamp, now=self.newest_at)
        if self.newest_descriptor is not None:
            forward.numbers.end(self.newest_descriptor)

    def silence(self) -> None:
        """All that plays waits for a new start; nothing older can be asked for."""
        for forward in list(self.playing):
            self.rest(forward)
        self.history.clear()
        self.losses.clear()
        self.since = None

    def part(self, forward: Forward) -> None:
        """The forward no longer has this source."""
        if forward in self.playing:
            self.rest(forward)
        if forward in self.waiting:
            self.waiting.remove(forward)
        forward.source = None
        forward.chosen.clear()


class Forward:
    """One receiver's copy of whatever source it is fed."""

    def __init__(self, number: ForwardId, leg: Leg, spec: ForwardSpec) -> None:
        self.id = number
        self.leg = leg
        self.spec = spec
        self.source: Source | None = None
        self.paused = False
        self.header = _header(spec.ssrc, spec.mid, spec.extensions)
        self.buffer = Buffer(SLOT + SEALED_ROOM)
        self.buffer.view[0] = self.header.first_octet
        self.rewriter = Rewriter(random.randrange(1, 0x8000))
        self.numbers = PictureNumbers()
        self.chosen: dict[int, Codec | None] = {}
        "The source's payload type to the codec this receiver gets it as."
        self.limit = ResendLimit()
        self.delivery = Delivery()
        self.packets = self.octets = 0
        "Sent, less what the present fans still count: see :meth:`sent`."
        self.resent = self.resent_octets = 0
        self._head = 8 + len(self.header.fixed) + len(self.header.stamp(0, None))
        "Octets of a packet before its payload."
        self.repair_header: ReceiverHeader | None = None
        self.repair_sequence = random.randrange(1, 0x8000)
        self.sealed: History[bytes] | None = None
        if spec.rtx_ssrc is not None:
            self.repair_header = _header(spec.rtx_ssrc, spec.mid, spec.extensions)
        elif any(codec.clock_rate == 90_000 for codec in spec.codecs):
            # Without RTX a lost packet can only be sent again as the same ciphertext: the same
            # index over anything else would give the key away.
            self.sealed = History(SEALED_HISTORY)

    def codec_for(self, codec: Codec) -> Codec | None:
        """What this receiver calls the source's codec."""
        if codec.payload_type not in self.chosen:
            self.chosen[codec.payload_type] = match_codec(codec, self.spec.codecs)
        return self.chosen[codec.payload_type]

    def sent(self) -> tuple[int, int]:
        """Packets and payload octets sent as media, without retransmissions."""
        packets, octets = self.packets, self.octets
        if self.source is not None and self.rewriter.starts_at is not None:
            for kind, fan in self.source.fans.items():
                if self.codec_for(self.source.codecs[kind]) is not None:
                    packets += fan.packets
                    octets += fan.octets
        return packets, octets

    def unsent(self) -> int:
        """Of the numbers the receiver was to see, those that never left here."""
        newest = self.source.newest if self.source is not None else None
        packets, _ = self.sent()
        return self.rewriter.given_out(newest.sequence if newest else None) - packets

    def stats(self) -> ForwardStats:
        packets, octets = self.sent()
        clock_rate = self.spec.codecs[0].clock_rate if self.spec.codecs else 0
        told = self.delivery
        return ForwardStats(
            packets=packets + self.resent,
            bytes=octets + packets * self._head + self.resent_octets,
            is_fed=self.source is not None and not self.paused,
            packets_expected=told.expected,
            packets_lost=told.lost,
            jitter_s=told.jitter / clock_rate if told.jitter is not None and clock_rate else None,
            round_trip_s=told.round_trip_s,
            reported_at=told.reported_at,
        )

    def note_resent(self, packet: SentPacket) -> None:
        self.resent += 1
        # With RTX, the packet's own number goes before its payload.
        self.resent_octets += self._head + len(packet.payload) + (2 if self.repair_header else 0)

    def lay_out(self, packet: SentPacket, codec: Codec, stamp_time: int) -> bytes:
        """The packet for this receiver, not yet encrypted."""
        rewriter = self.rewriter
        return (
            _START.pack(
                self.header.first_octet,
                packet.marker | codec.payload_type,
                packet.sequence + rewriter.sequence_offset & 0xFFFF,
                packet.timestamp + rewriter.timestamp_offset & 0xFFFFFFFF,
            )
            + self.header.fixed
            + self.header.stamp(stamp_time, packet.audio_level)
            + self._payload(packet, codec)
        )

    def lay_out_repair(self, packet: SentPacket, codec: Codec, stamp_time: int) -> bytes | None:
        """The packet as a retransmission of its own SSRC and number (RFC 4588, section 4)."""
        header = self.repair_header
        if header is None or codec.rtx_payload_type is None:
            return None
        rewriter = self.rewriter
        repair, self.repair_sequence = self.repair_sequence, self.repair_sequence + 1 & 0xFFFF
        original = packet.sequence + rewriter.sequence_offset & 0xFFFF
        return (
            _START.pack(
                header.first_octet,
                packet.marker | codec.rtx_payload_type,
                repair,
                packet.timestamp + rewriter.timestamp_offset & 0xFFFFFFFF,
            )
            + header.fixed
            + header.stamp(stamp_time, packet.audio_level)
            + original.to_bytes(2, "big")
            + self._payload(packet, codec)
        )

    def _payload(self, packet: SentPacket, codec: Codec) -> bytes:
        if codec.name == "VP8" and self.numbers.changes_anything:
            return self.numbers.rewrite(packet.payload, read_descriptor(packet.payload))
        return packet.payload


def _header(ssrc: int, mid: str, extensions: Extensions) -> ReceiverHeader:
    return ReceiverHeader(
        ssrc,
        mid=mid,
        mid_id=extensions.mid,
        abs_send_time_id=extensions.abs_send_time,
        audio_level_id=extensions.audio_level,
    )
