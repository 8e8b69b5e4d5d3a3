"""One track's packets cut into segments that lie on the recording's clock.

Inside a segment time comes from RTP timestamps alone. Where the segment begins is decided when it
ends, with everything heard until then: the sender's own clock, as its sender reports give it
(RFC 3550, section 6.4.1), which its other tracks share, so lips stay in sync; before the first
report, the earliest any of its packets can have been sent by the time they arrived. Arrival order
and arrival count decide nothing. Performs no I/O: outputs are carried out by whoever calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from media.core.depacketize import Depacketizer, Frame, depacketizer
from media.core.reorder import Reorder

Why = Literal["mute", "dtx", "loss", "silence"]

JUMP_S = 1.0
"How far timestamps and arrivals may part between two packets before it is another timeline."
IDLE_S = 1.0
"Seconds without a packet after which a segment of sound is closed: it may be a long mute."
STEP_S = 0.02
"A clock estimate that moved less than this does not part two segments that follow each other."
LISTED_GAP_S = {"audio": 0.001, "video": 0.5}
"Shorter holes are rounding, or a camera's pace."
CLOCK_WINDOW_S = 30.0
"How long the quickest packet speaks for the sender's clock: long enough to find one, short enough "
"to follow a drifting crystal."
DISAGREE_S = 2.0
"Sender reports further off than this from what arrives are wrong."


@dataclass(frozen=True, slots=True)
class RtpIn:
    """What the cutter needs of a packet."""

    codec: str
    clock_rate: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    arrived_at: float
    ntp_time: float | None


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch without frames, in ms on the recording's clock."""

    at_ms: int
    dur_ms: int
    why: Why


@dataclass(frozen=True, slots=True)
class Begin:
    codec: str
    t0_ms: int
    "As far as it is known now; `End` has the last word."
    width: int
    height: int
    private: bytes


@dataclass(frozen=True, slots=True)
class Put:
    at_ms: int
    "From the segment's first frame."
    data: bytes
    keyframe: bool


@dataclass(frozen=True, slots=True)
class End:
    t0_ms: int
    dur_ms: int
    gaps: tuple[Hole, ...]


Output = Begin | Put | End


class SenderClock:
    """Where a sender's clock stands against ours, from its quickest packets."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._least_before: float | None = None
        self._since = 0.0

    def observe(self, *, ntp_time: float, arrived_at: float) -> None:
        offset = arrived_at - ntp_time
        if self._least is None or arrived_at - self._since > CLOCK_WINDOW_S:
            self._least_before, self._least, self._since = self._least, offset, arrived_at
        self._least = min(self._least, offset)

    def ours(self, ntp_time: float) -> float | None:
        """Monotonic seconds here when the sender's clock showed this; None before any report."""
        known = [o for o in (self._least, self._least_before) if o is not None]
        return ntp_time + min(known) if known else None


class _Segment:
    """The one being written."""

    def __init__(self, frame: Frame, packet: RtpIn) -> None:
        self.codec = packet.codec
        self.rate = packet.clock_rate
        self.shape = (frame.width, frame.height, frame.private)
        self.first = self.last = frame.timestamp
        self.length = frame.duration
        self.gaps: list[tuple[int, int, Why]] = []
        "From and to in ticks."
        self.least = packet.arrived_at
        self.ntp: float | None = None
        "The sender's clock at the first frame."

    def observe(self, packet: RtpIn) -> None:
        since = (packet.timestamp - self.first) / self.rate
        self.least = min(self.least, packet.arrived_at - since)
        if packet.ntp_time is not None:
            self.ntp = packet.ntp_time - since

    def add(self, frame: Frame, kind: Literal["audio", "video"], why: Why) -> None:
        due = self.last + self.length
        if frame.timestamp - due > LISTED_GAP_S[kind] * self.rate:
            near = self.rate // 10
            if self.gaps and self.gaps[-1][2] == why and due - self.gaps[-1][1] <= near:
                self.gaps[-1] = (self.gaps[-1][0], frame.timestamp, why)
            else:
                self.gaps.append((due, frame.timestamp, why))
        elif not frame.duration and frame.timestamp > self.last:
            self.length = frame.timestamp - self.last
        self.last = max(self.last, frame.timestamp)
        self.length = frame.duration or self.length

    @property
    def age_s(self) -> float:
        return (self.last - self.first) / self.rate

    @property
    def dur_s(self) -> float:
        # A single picture is shown for a moment too.
        return self.age_s + (self.length or self.rate // 30) / self.rate


class TrackCutter:
    """Packets in, what to write out. All times given are monotonic seconds."""

    def __init__(
        self,
        kind: Literal["audio", "video"],
        *,
        segment_s: float,
        zero_at: float,
        clock: SenderClock,
    ) -> None:
        """`zero_at` is the recording's start; `clock` is shared by a participant's tracks."""
        self._kind = kind
        self._segment_s = segment_s
        self._zero_at = zero_at
        self._clock = clock
        self._order: Reorder[RtpIn] = Reorder()
        self._codec = ""
        self._frames: Depacketizer | None = None
        self._before: RtpIn | None = None
        self._open: _Segment | None = None
        self._end_ms: int | None = None
        "Of the last closed segment."
        self._carry: tuple[int, float] | None = None
        "A timestamp and where it lies, while the next segment follows the last without a break."
        self._why: Why = "silence"
        "Why there is nothing at the moment."
        self._began_after: Why = "silence"
        "Why there was nothing before the open segment."
        self._joining = kind == "video"
        "Frames are of no use until a keyframe comes."
        self._resync = False
        self.unsupported = 0
        "Packets of codecs that are not recorded."

    @property
    def lost(self) -> int:
        return self._order.lost

    @property
    def wants_keyframe(self) -> bool:
        if self._kind == "audio" or self._before is None:
            return False
        overdue = self._open is not None and self._open.age_s >= self._segment_s
        return self._joining or self._resync or overdue

    def push(self, packet: RtpIn) -> list[Output]:
        outputs: list[Output] = []
        for item, after_loss in self._order.push(packet.sequence, packet, now=packet.arrived_at):
            outputs += self._take(item, after_loss)
        return outputs

    def tick(self, now: float) -> list[Output]:
        """Call a few times a second: packets may have stopped."""
        outputs: list[Output] = []
        for item, after_loss in self._order.expire(now=now):
            outputs += self._take(item, after_loss)
        idle_s = IDLE_S if self._kind == "audio" else self._segment_s
        if self._before is not None and now - self._before.arrived_at > idle_s:
            outputs += self._break("silence")
        return outputs

    def pause(self) -> list[Output]:
        """The track was muted: what comes next, whenever it comes, is another segment."""
        outputs = self._drain()
        outputs += self._break("mute")
        return outputs

    def end(self) -> list[Output]:
        """Nothing more comes."""
        return [*self._drain(), *self._break("silence")]

    def _drain(self) -> list[Output]:
        outputs: list[Output] = []
        for item, after_loss in self._order.drain():
            outputs += self._take(item, after_loss)
        return outputs

    def _take(self, packet: RtpIn, after_loss: bool) -> list[Output]:
        outputs = self._follow(packet)
        if packet.ntp_time is not None:
            self._clock.observe(ntp_time=packet.ntp_time, arrived_at=packet.arrived_at)
        if packet.codec != self._codec:
            outputs += self._break("silence")
            self._codec, self._frames = packet.codec, depacketizer(packet.codec)
        self._before = packet
        if self._frames is None:
            self.unsupported += 1
            return outputs
        if after_loss:
            self._why = "loss"
            # What follows refers to what is missing, and would decode to smears.
            self._joining = self._kind == "video"
        for frame in self._frames.push(
            packet.payload,
            timestamp=packet.timestamp,
            marker=packet.marker,
            after_loss=after_loss,
        ):
            outputs += self._put(frame, packet)
        if self._open is not None:
            self._open.observe(packet)
        return outputs

    def _follow(self, packet: RtpIn) -> list[Output]:
        """Tell a pause or a stall from a timeline that was set anew."""
        before = self._before
        if before is None:
            return []
        ticks = packet.timestamp - before.timestamp
        arrived = packet.arrived_at - before.arrived_at
        parted = arrived - ticks / packet.clock_rate
        if ticks >= 0 and abs(parted) <= JUMP_S:
            return []
        if self._kind == "video" and ticks >= 0 and parted > 0:
            # Packets held up on their way keep their places; ones sent after a silence during
            # which the sender's clock stood still do not. The next keyframe settles it.
            self._resync = True
            return []
        return self._break("silence")

    def _put(self, frame: Frame, packet: RtpIn) -> list[Output]:
        if self._joining and not frame.keyframe:
            return []
        outputs: list[Output] = []
        self._joining = False
        if self._open is not None and self._is_due(frame):
            if self._resync:
                outputs += self._break("silence")
                self._joining = False
            else:
                outputs += self._close()
        if self._open is None:
            self._open = _Segment(frame, packet)
            t0_ms = self._place(self._open)
            self._resync = False
            outputs.append(
                Begin(packet.codec, t0_ms, frame.width, frame.height, frame.private),
            )
            self._began_after = self._why
        else:
            self._open.add(frame, self._kind, self._inner_why())
        self._why = "silence"
        at_ms = round((frame.timestamp - self._open.first) * 1000 / self._open.rate)
        outputs.append(Put(at_ms, frame.data, frame.keyframe))
        return outputs

    def _inner_why(self) -> Why:
        if self._why == "silence" and self._kind == "audio":
            # Nothing is missing from the sequence: the encoder chose to send nothing.
            return "dtx"
        return self._why

    def _is_due(self, frame: Frame) -> bool:
        assert self._open is not None
        if self._kind == "audio":
            return (frame.timestamp - self._open.first) / self._open.rate >= self._segment_s
        if not frame.keyframe:
            return False
        age = (frame.timestamp - self._open.first) / self._open.rate
        changed = (frame.width, frame.height, frame.private) != self._open.shape
        return age >= self._segment_s or changed or self._resync

    def _break(self, why: Why) -> list[Output]:
        """What comes next does not follow from what came before."""
        outputs = self._close()
        self._before = None
        self._carry = None
        self._why = why
        self._joining = self._kind == "video"
        return outputs

    def _close(self) -> list[Output]:
        segment, self._open = self._open, None
        if segment is None:
            return []
        t0_ms = self._place(segment)
        gaps = [
            Hole(
                t0_ms + round((start - segment.first) * 1000 / segment.rate),
                round((end - start) * 1000 / segment.rate),
                why,
            )
            for start, end, why in segment.gaps
        ]
        if self._end_ms is not None and t0_ms - self._end_ms > STEP_S * 1000:
            gaps.insert(0, Hole(self._end_ms, t0_ms - self._end_ms, self._began_after))
        dur_ms = round(segment.dur_s * 1000)
        self._end_ms = t0_ms + dur_ms
        self._carry = (segment.first, t0_ms / 1000)
        return [End(t0_ms, dur_ms, tuple(gaps))]

    def _place(self, segment: _Segment) -> int:
        """The segment's first frame on the recording's clock, in ms."""
        at = segment.least - self._zero_at
        if segment.ntp is not None:
            ours = self._clock.ours(segment.ntp)
            if ours is not None and abs(ours - segment.least) < DISAGREE_S:
                at = ours - self._zero_at
        if self._carry is not None:
            ticks, lay_at = self._carry
            follows = lay_at + (segment.first - ticks) / segment.rate
            if abs(follows - at) <= STEP_S:
                at = follows
        return max(0, round(at * 1000))
