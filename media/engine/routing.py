"""From authentic RTP to whoever is to have it: sources, their forwards, their taps."""

from __future__ import annotations

import socket
from collections.abc import Callable

from media.core import h264
from media.core.history import SentPacket
from media.core.reception import Arrival
from media.core.rtp import HEADER, Body, abs_send_time, locate_body, read_elements
from media.core.vp8 import Descriptor, read_descriptor
from media.engine.fan import Fan
from media.engine.parts import MOST_SSRCS, Forward, Leg, Source
from media.engine.port import Codec, EngineStats, TapPacket
from media.engine.udp import send_to

SILENCE_BEFORE_TAKEOVER = 1.0
"Seconds. While a source's SSRC speaks, no other SSRC under the same MID is listened to."

Elements = dict[int, tuple[int, int]]


class Router:
    """Where each packet goes. Keeps nothing itself; legs, sources and forwards do.

    `failed` is told of exceptions from taps, which must not stop the packets of others.
    """

    def __init__(
        self,
        sock: socket.socket,
        stats: EngineStats,
        *,
        batched: bool,
        failed: Callable[[str], None],
    ) -> None:
        self._sock = sock
        self._stats = stats
        self._batched = batched
        self._failed = failed
        self.gapped: dict[Source, None] = {}
        "Sources that lost packets since somebody last looked here."
        self.asking: dict[Source, None] = {}
        "Sources that may have a keyframe request to send."

    def receive(self, leg: Leg, packet: memoryview, length: int, *, now: float) -> None:
        """Deal with one decrypted packet. Raises Malformed for one that contradicts itself."""
        _, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
        body = locate_body(packet, length)
        self._stats.packets_received += 1
        kind = second & 0x7F
        source = leg.routes.get(ssrc)
        elements: Elements = {}
        if body.profile and (source is None or source.reads_extensions):
            elements = read_elements(packet, body)
        if source is None:
            source = self._find_source(leg, ssrc, kind, packet, elements)
            if source is None:
                self._stats.dropped_unroutable += 1
                leg.note_stranger(ssrc)
                return
        if source.spec.extensions.transport_cc in elements:
            at, size = elements[source.spec.extensions.transport_cc or 0]
            if size == 2:
                leg.arrivals.arrived(packet[at] << 8 | packet[at + 1], now=now)
        source.packets += 1
        source.octets += length
        source.last_packet_at = now
        if kind in source.repair_types:
            self._recover(source, kind, second & 0x80, timestamp, packet, body, now=now)
            return
        codec = source.codecs.get(kind)
        if codec is None or ssrc in source.spec.rtx_ssrcs or not self._holds(source, ssrc, now):
            self._stats.dropped_unroutable += 1
            return
        level = None
        if source.spec.extensions.audio_level in elements:
            level = packet[elements[source.spec.extensions.audio_level or 0][0]]
            if not source.muted:
                source.hear_level(level)
        self._take(
            source,
            codec,
            sequence,
            timestamp,
            second & 0x80,
            bytes(packet[body.payload : body.end]),
            level,
            now=now,
        )

    def _find_source(
        self, leg: Leg, ssrc: int, kind: int, packet: memoryview, elements: Elements
    ) -> Source | None:
        """Whose an SSRC is that no description named: by MID, else by a payload type that only
        one source has (RFC 8843, section 9.2). The answer is kept."""
        if len(leg.routes) >= MOST_SSRCS + 2 * len(leg.sources):
            return None
        found: list[Source] = []
        named = False
        for source in leg.sources:
            place = elements.get(source.spec.extensions.mid or 0)
            if place is not None:
                named = True
                mid = bytes(packet[place[0] : place[0] + place[1]])
                if mid == source.spec.mid.encode():
                    found.append(source)
        if not named:
            found = [s for s in leg.sources if kind in s.codecs or kind in s.repair_types]
        if len(found) != 1 or (found[0].spec.ssrcs and kind not in found[0].repair_types):
            return None
        leg.routes[ssrc] = found[0]
        leg.strangers.pop(ssrc, None)
        return found[0]

    def _holds(self, source: Source, ssrc: int, now: float) -> bool:
        """Whether `ssrc` is the source's stream, which it becomes if there is no other."""
        if source.reception is not None and source.reception.ssrc == ssrc:
            source.heard_at = now
            return True
        if source.heard_at is not None and now - source.heard_at < SILENCE_BEFORE_TAKEOVER:
            return False
        source.heard_at = now
        source.begin_stream(ssrc)
        self._want_keyframe_for_waiting(source, now)
        return True

    def _recover(
        self,
        source: Source,
        kind: int,
        marker: int,
        timestamp: int,
        packet: memoryview,
        body: Body,
        *,
        now: float,
    ) -> None:
        """Unwrap a retransmission (RFC 4588, section 4) and pass it on as what it repairs.

        Probes that carry nothing, or what we have, end here.
        """
        if body.end - body.payload <= 2 or source.reception is None or source.muted:
            return
        original = packet[body.payload] << 8 | packet[body.payload + 1]
        sequence = source.reception.place(original)
        newest = source.newest
        if sequence is None or newest is None or source.since is None:
            return
        if sequence in source.history or not source.since < sequence < newest.sequence:
            return
        if newest.sequence - sequence >= source.history.size:
            return
        payload = bytes(packet[body.payload + 2 : body.end])
        codec = source.repair_types[kind]
        source.recovered += 1
        self._deliver_late(
            source,
            codec,
            SentPacket(sequence, timestamp, marker, codec.payload_type, payload, None),
            now=now,
        )

    def _take(
        self,
        source: Source,
        codec: Codec,
        sequence: int,
        timestamp: int,
        marker: int,
        payload: bytes,
        level: int | None,
        *,
        now: float,
    ) -> None:
        reception = source.reception
        assert reception is not None
        before = reception.highest
        arrival, number = reception.arrived(sequence, now=now)
        if arrival is Arrival.UNUSABLE:
            self._stats.dropped_unroutable += 1
            return
        if source.muted:
            return
        packet = SentPacket(number, timestamp, marker, codec.payload_type, payload, level)
        if arrival is Arrival.LATE:
            if source.since is not None and number not in source.history:
                if source.losses.arrived(number):
                    source.resent += 1
                self._deliver_late(source, codec, packet, now=now)
            return
        reception.measure_jitter(timestamp, codec.clock_rate, now=now)
        if arrival is Arrival.RESTARTED:
            source.silence()
            self._want_keyframe_for_waiting(source, now)
        elif (
            source.is_video
            and source.since is not None
            and before is not None
            and number > before + 1
        ):
            source.losses.skipped(before + 1, number - 1, now=now)
            self.gapped[source] = None
        self._deliver(source, codec, packet, now=now)

    def _deliver(self, source: Source, codec: Codec, packet: SentPacket, *, now: float) -> None:
        """A packet newer than all before."""
        if source.since is None:
            source.since = packet.sequence
        if source.first_at is None:
            source.first_at = now
        source.history.keep(packet.sequence, packet)
        descriptor, starts = _inspect(source, codec, packet.payload)
        if starts and source.is_video:
            source.asker.keyframe_arrived()
        if starts and source.waiting:
            self._join_waiting(source, codec, packet, now)
        if source.playing:
            fan = source.fans.get(packet.payload_type)
            if fan is None:
                fan = self._build_fan(source, codec)
            fan.send(packet, descriptor, abs_send_time(now))
        source.newest = packet
        source.newest_at = now
        if descriptor is not None:
            source.newest_descriptor = descriptor
        timestamp = source.timestamps.unwrap(packet.timestamp)
        if source.tap is not None:
            self._tap(source, codec, packet, timestamp, now)

    def _deliver_late(
        self, source: Source, codec: Codec, packet: SentPacket, *, now: float
    ) -> None:
        """A packet that others have overtaken, or a recovered one."""
        source.history.keep(packet.sequence, packet)
        source.losses.arrived(packet.sequence)
        _, starts = _inspect(source, codec, packet.payload)
        for forward in source.playing:
            starts_at = forward.rewriter.starts_at
            if starts_at is not None and starts_at <= packet.sequence:
                self.send_one(forward, packet, now=now)
        if starts and source.is_video and source.waiting and source.newest is not None:
            # The start of a keyframe, overtaken by its rest: send that too.
            source.asker.keyframe_arrived()
            for forward in self._join_waiting(source, codec, packet, now):
                for number in range(packet.sequence, source.newest.sequence + 1):
                    kept = source.history.get(number)
                    if kept is not None:
                        self.send_one(forward, kept, now=now)
        if source.tap is not None:
            self._tap(source, codec, packet, source.timestamps.near(packet.timestamp), now)

    def send_one(self, forward: Forward, packet: SentPacket, *, now: float) -> None:
        """Send to one receiver what its number was never used for before."""
        source = forward.source
        if source is None or packet.payload_type not in source.codecs:
            return
        codec = forward.codec_for(source.codecs[packet.payload_type])
        if codec is None:
            return
        sealed = forward.leg.seal(forward.lay_out(packet, codec, abs_send_time(now)))
        if sealed is None:
            return
        if forward.sealed is not None:
            forward.sealed.keep(packet.sequence + forward.rewriter.sequence_offset, sealed)
        if not send_to(self._sock, sealed, forward.leg.endpoint.address):
            self._stats.dropped_send += 1
            return
        forward.packets += 1
        forward.octets += len(packet.payload)
        self._stats.packets_forwarded += 1
        self._stats.bytes_forwarded += len(sealed)

    def resend(self, forward: Forward, wanted: int, *, now: float) -> bool:
        """Repeat what the receiver knows as 16-bit number `wanted`; False when that is not ours to
        give, or was given a moment ago."""
        source = forward.source
        if source is None or source.newest is None:
            return False
        number = forward.rewriter.original(wanted, source.newest.sequence)
        packet = None if number is None else source.history.get(number)
        if packet is None or packet.payload_type not in source.codecs:
            return False
        codec = forward.codec_for(source.codecs[packet.payload_type])
        if codec is None or not forward.limit.allows(packet.sequence, now=now):
            return False
        sealed = None
        repair = forward.lay_out_repair(packet, codec, abs_send_time(now))
        if repair is not None:
            sealed = forward.leg.seal(repair)
        elif forward.sealed is not None:
            sealed = forward.sealed.get(packet.sequence + forward.rewriter.sequence_offset)
        if sealed is None:
            return False
        if not send_to(self._sock, sealed, forward.leg.endpoint.address):
            self._stats.dropped_send += 1
            return False
        self._stats.retransmissions_sent += 1
        forward.note_resent(packet)
        return True

    def want_keyframe(self, source: Source, *, now: float) -> None:
        if source.is_video:
            source.asker.want(now=now)
            self.asking[source] = None

    def _want_keyframe_for_waiting(self, source: Source, now: float) -> None:
        if source.waiting:
            self.want_keyframe(source, now=now)

    def _join_waiting(
        self, source: Source, codec: Codec, packet: SentPacket, now: float
    ) -> list[Forward]:
        joined = [
            forward
            for forward in source.waiting
            if not forward.paused and forward.codec_for(codec) is not None
        ]
        for forward in joined:
            source.join(forward, packet, codec, now=now)
        return joined

    def _build_fan(self, source: Source, codec: Codec) -> Fan:
        members = [
            (forward, chosen)
            for forward in source.playing
            if (chosen := forward.codec_for(codec)) is not None
        ]
        fan = Fan(self._sock, members, self._stats, batched=self._batched)
        source.fans[codec.payload_type] = fan
        return fan

    def _tap(
        self, source: Source, codec: Codec, packet: SentPacket, timestamp: int, now: float
    ) -> None:
        assert source.tap is not None
        tapped = TapPacket(
            source=source.id,
            codec=codec,
            sequence=packet.sequence,
            timestamp=timestamp,
            marker=packet.marker != 0,
            payload=packet.payload,
            arrived_at=now,
            ntp_time=source.clock.wall_at(packet.timestamp, codec.clock_rate),
        )
        try:
            source.tap(tapped)
        except Exception:  # noqa: BLE001 - a recorder's trouble is not the receivers'
            self._failed("tap")


def _inspect(source: Source, codec: Codec, payload: bytes) -> tuple[Descriptor | None, bool]:
    """A VP8 packet's descriptor, and whether a receiver can begin here."""
    if codec.name == "VP8":
        descriptor = read_descriptor(payload)
        return descriptor, descriptor.starts_keyframe
    if codec.name == "H264":
        return None, h264.starts_keyframe(payload)
    return None, True
