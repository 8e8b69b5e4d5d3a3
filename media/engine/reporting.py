"""RTCP both ways: reports and requests from peers acted upon, and ours sent when due."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from media.core import clock, rtcp
from media.core.reception import ReportBlock
from media.engine.parts import Forward, Leg, Source
from media.engine.port import EngineStats
from media.engine.routing import Router
from media.engine.udp import send_to

REPORT_EVERY = 1.0
"Seconds between two reports of one leg, as browsers do for video (RFC 4585, section 3.5.3)."
FEEDBACK_EVERY = 0.1
"Seconds between two transport-wide feedbacks, when anything arrived."
GUESS_CLOCK_AFTER = 2.0
"Seconds without a publisher's sender report after which its media clock is taken from arrivals."


class Reporter:
    """Everything about RTCP but its encryption inwards. `wall` gives Unix seconds."""

    def __init__(
        self, sock: socket.socket, stats: EngineStats, router: Router, wall: Callable[[], float]
    ) -> None:
        self._sock = sock
        self._stats = stats
        self._router = router
        self._wall = wall

    def receive(self, leg: Leg, data: bytes, *, now: float) -> None:
        """Act on an authentic compound packet. Raises Malformed for one that contradicts itself,
        of which nothing is acted upon. A peer is heard only about its own streams."""
        for report in rtcp.read_compound(data):
            match report:
                case rtcp.SenderReport():
                    self._sender_reported(leg, report, now)
                case rtcp.Reported(block):
                    forward = leg.forwards.get(block.ssrc)
                    if forward is not None:
                        self._reported(forward, block, now)
                case rtcp.Lost(ssrc, sequences):
                    forward = leg.forwards.get(ssrc)
                    if forward is not None:
                        self._stats.nacks_received += 1
                        worth = forward.limit.hears_of(len(sequences), now=now)
                        for sequence in sequences[:worth]:
                            self._router.resend(forward, sequence, now=now)
                case rtcp.KeyframeWanted(ssrc):
                    forward = leg.forwards.get(ssrc)
                    if forward is not None and forward.source is not None:
                        self._router.want_keyframe(forward.source, now=now)
                case rtcp.Gone(ssrc):
                    source = leg.routes.get(ssrc)
                    if source and source.reception and source.reception.ssrc == ssrc:
                        source.heard_at = None
                case rtcp.Bandwidth():
                    pass  # We send what there is: nobody here could send less of it.
        self.flush(now=now)

    def flush(self, *, now: float) -> None:
        """Send at once what does not wait for the next :meth:`tick`."""
        for source in self._take(self._router.gapped):
            self._ask_again(source, now)
        for source in self._take(self._router.asking):
            self._ask_keyframe(source)

    def tick(self, legs: Iterable[Leg], *, now: float) -> None:
        """Send whatever has fallen due."""
        for leg in legs:
            for source in leg.sources:
                if source.muted:
                    continue
                if len(source.losses):
                    self._ask_again(source, now)
                if source.asker.waiting and source.wanted:
                    source.asker.handle_timer(now=now)
                    self._ask_keyframe(source)
            if now >= leg.feedback_at:
                leg.feedback_at = now + FEEDBACK_EVERY
                self._send_transport_feedback(leg)
            if now >= leg.report_at:
                leg.report_at = now + REPORT_EVERY
                self._send_receiver_report(leg, now)
                self._send_sender_reports(leg, now)

    @staticmethod
    def _take(sources: dict[Source, None]) -> list[Source]:
        taken = list(sources)
        sources.clear()
        return taken

    def _sender_reported(self, leg: Leg, report: rtcp.SenderReport, now: float) -> None:
        source = leg.routes.get(report.ssrc)
        if source is None or source.reception is None or source.reception.ssrc != report.ssrc:
            return
        source.reception.sender_reported(report.ntp, now=now)
        sender_wall = clock.from_ntp(report.ntp)
        source.clock.relate(sender_wall, report.timestamp)
        leg.wall_offset.observe(sender_wall, wall=self._wall())

    def _reported(self, forward: Forward, block: ReportBlock, now: float) -> None:
        middle = clock.to_ntp(self._wall()) >> 16 & 0xFFFFFFFF
        forward.delivery.reported(block, unsent=forward.unsent(), middle_ntp=middle, now=now)
        if block.last_report and forward.delivery.round_trip_s is not None:
            forward.limit.round_trip_measured(forward.delivery.round_trip_s)

    def _ask_again(self, source: Source, now: float) -> None:
        """NACK what is due. When something is lost for good a keyframe must mend it."""
        due = source.losses.take_due(now=now)
        if due and source.reception is not None:
            leg = source.leg
            request = rtcp.negative_acknowledgement(leg.ssrc, source.reception.ssrc, due)
            if self._send(leg, rtcp.receiver_report(leg.ssrc) + request):
                self._stats.nacks_sent += 1
        if source.losses.take_given_up():
            self._router.want_keyframe(source, now=now)
            self._ask_keyframe(source)

    def _ask_keyframe(self, source: Source) -> None:
        ssrc = self._ssrc_of(source)
        if ssrc is None or source.muted or not source.asker.take_request():
            return
        leg = source.leg
        request = rtcp.picture_loss_indication(leg.ssrc, ssrc)
        if self._send(leg, rtcp.receiver_report(leg.ssrc) + request):
            self._stats.keyframe_requests_sent += 1

    @staticmethod
    def _ssrc_of(source: Source) -> int | None:
        """The SSRC to name in requests: the one that speaks, else the one announced."""
        if source.reception is not None:
            return source.reception.ssrc
        return source.spec.ssrcs[0] if source.spec.ssrcs else None

    def _send_transport_feedback(self, leg: Leg) -> None:
        media = next((s for source in leg.sources if (s := self._ssrc_of(source))), 0)
        for body in leg.arrivals.take_feedback():
            if self._send(leg, rtcp.transport_feedback(leg.ssrc, media, body)):
                self._stats.transport_feedback_sent += 1

    def _send_receiver_report(self, leg: Leg, now: float) -> None:
        blocks = [
            block
            for source in leg.sources
            if source.reception is not None
            and (block := source.reception.report(now=now)) is not None
        ]
        for start in range(0, len(blocks), rtcp.MOST_BLOCKS):
            part = blocks[start : start + rtcp.MOST_BLOCKS]
            packet = rtcp.receiver_report(leg.ssrc, part)
            packet += rtcp.source_description(leg.ssrc, "parley")
            if self._send(leg, packet):
                self._stats.receiver_reports_sent += 1

    def _send_sender_reports(self, leg: Leg, now: float) -> None:
        wall = self._wall()
        for ssrc, forward in leg.forwards.items():
            if ssrc != forward.spec.ssrc:
                continue
            report = self._sender_report(forward, now, wall)
            if report is None or forward.source is None:
                continue
            name = f"publisher-{forward.source.leg.id}"
            packet = rtcp.sender_report(report) + rtcp.source_description(ssrc, name)
            if self._send(leg, packet):
                self._stats.sender_reports_sent += 1

    def _sender_report(self, forward: Forward, now: float, wall: float) -> rtcp.SenderReport | None:
        """What the publisher's clocks show now, its wall clock carried over to ours.

        All of a publisher's tracks are carried over by the same amount, so at the receiver they
        stand to each other as the publisher's own reports say.
        """
        source = forward.source
        if source is None or source.newest is None or forward.rewriter.starts_at is None:
            return None
        rate = source.codecs[source.newest.payload_type].clock_rate
        offset = source.leg.wall_offset.seconds
        timestamp = None
        if offset is not None:
            timestamp = source.clock.timestamp_at(wall - offset, rate)
        if timestamp is None:
            if source.first_at is None or now - source.first_at < GUESS_CLOCK_AFTER:
                return None
            timestamp = source.newest.timestamp + int((now - source.newest_at) * rate)
        packets, octets = forward.sent()
        return rtcp.SenderReport(
            ssrc=forward.spec.ssrc,
            ntp=clock.to_ntp(wall),
            timestamp=timestamp + forward.rewriter.timestamp_offset & 0xFFFFFFFF,
            packets=packets & 0xFFFFFFFF,
            octets=octets & 0xFFFFFFFF,
        )

    def _send(self, leg: Leg, packet: bytes) -> bool:
        sealed = leg.seal_rtcp(packet)
        if sealed is None:
            return False
        if not send_to(self._sock, sealed, leg.endpoint.address):
            self._stats.dropped_send += 1
            return False
        return True
