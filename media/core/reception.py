"""What arrived of one stream, and how well (RFC 3550, sections 6.4.1, A.1, A.3 and A.8)."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from media.core.serial import distance

MAX_DROPOUT = 3000
"Packets. A larger jump ahead is believed when the next packet confirms it."
MAX_MISORDER = 1000
"Packets. What comes later than this is of no use to anybody."
RESTART_AT_MOST_EVERY = 1.0
"Seconds. A stream that starts over is costly to all its receivers."


class Arrival(Enum):
    IN_ORDER = auto()
    "Newer than all before; packets may be missing in between."
    LATE = auto()
    RESTARTED = auto()
    "The numbering began anew; :attr:`Reception.highest` jumped ahead to it."
    UNUSABLE = auto()


class ReportBlock(NamedTuple):
    """What a receiver report says of one stream; wire units."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest: int
    jitter: int
    last_report: int
    delay_since_last_report: int


class Reception:
    """Sequence numbers, loss and jitter of one SSRC. Time is passed in, in monotonic seconds."""

    __slots__ = (
        "_after",
        "_base",
        "_clock_rate",
        "_expected_before",
        "_expected_prior",
        "_lost_before",
        "_received_prior",
        "_report_at",
        "_report_ntp",
        "_restarted_at",
        "_suspect",
        "_transit",
        "highest",
        "jitter",
        "received",
        "ssrc",
    )

    def __init__(self, ssrc: int, *, after: int | None = None) -> None:
        """`after`: the unwrapped number that all of this stream's are to be above."""
        self.ssrc = ssrc
        self._after = after
        self.highest: int | None = None
        "Unwrapped sequence number; None before the first packet."
        self.received = 0
        self.jitter = 0.0
        "Ticks of the stream's clock."
        self._base = 0
        self._suspect: int | None = None
        self._restarted_at: float | None = None
        self._transit: int | None = None
        self._lost_before = self._expected_before = 0
        self._clock_rate = 0
        self._expected_prior = self._received_prior = 0
        self._report_ntp = 0
        self._report_at: float | None = None

    def arrived(self, sequence: int, *, now: float) -> tuple[Arrival, int]:
        """Take note of a packet and give its unwrapped sequence number."""
        highest = self.highest
        if highest is None:
            first = sequence
            if self._after is not None:
                first = self._after + 1 + ((sequence - self._after - 1) & 0xFFFF)
            self.highest = self._base = first
            self.received = 1
            return Arrival.IN_ORDER, first
        ahead = distance(sequence, highest, 16)
        unwrapped = highest + ahead
        if 0 < ahead <= MAX_DROPOUT:
            self.highest = unwrapped
            self.received += 1
            self._suspect = None
            return Arrival.IN_ORDER, unwrapped
        if -MAX_MISORDER <= ahead <= 0:
            if unwrapped < self._base:
                self._base = unwrapped
            self.received += 1
            return Arrival.LATE, unwrapped
        return self._consider_restart(sequence, highest, now)

    def place(self, sequence: int) -> int | None:
        """The unwrapped number of a retransmitted packet; None before the stream's first.

        A retransmission does not count as received: what is reported is what the network lost
        (RFC 4588, section 6.3 leaves the original stream's statistics to the original packets).
        """
        if self.highest is None:
            return None
        return self.highest + distance(sequence, self.highest, 16)

    def measure_jitter(self, timestamp: int, clock_rate: int, *, now: float) -> None:
        """RFC 3550, A.8, for packets in order."""
        self._clock_rate = clock_rate
        transit = int(now * clock_rate) - timestamp
        if self._transit is not None:
            change = abs(distance(transit & 0xFFFFFFFF, self._transit & 0xFFFFFFFF, 32))
            self.jitter += (change - self.jitter) / 16
        self._transit = transit

    def sender_reported(self, ntp: int, *, now: float) -> None:
        """A sender report arrived carrying this 64-bit NTP time."""
        self._report_ntp = ntp >> 16 & 0xFFFFFFFF
        self._report_at = now

    @property
    def packets_expected(self) -> int:
        """What the sequence numbers say was sent (RFC 3550, A.3)."""
        if self.highest is None:
            return 0
        return self._expected_before + self.highest - self._base + 1

    @property
    def jitter_s(self) -> float | None:
        """Seconds; None before there were two packets."""
        return self.jitter / self._clock_rate if self._transit is not None else None

    @property
    def packets_lost(self) -> int:
        """Never below zero here, though duplicates may have made up for losses."""
        if self.highest is None:
            return 0
        return max(0, self._lost_before + self.highest - self._base + 1 - self.received)

    def report(self, *, now: float) -> ReportBlock | None:
        """The block for the interval since the last call; None before the first packet."""
        if self.highest is None:
            return None
        expected = self.highest - self._base + 1
        interval = expected - self._expected_prior
        lost = interval - (self.received - self._received_prior)
        self._expected_prior, self._received_prior = expected, self.received
        fraction = min(255, lost * 256 // interval) if interval > 0 and lost > 0 else 0
        delay = 0 if self._report_at is None else int((now - self._report_at) * 65_536)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            packets_lost=min(self.packets_lost, 0x7FFFFF),
            highest=self.highest & 0xFFFFFFFF,
            jitter=min(int(self.jitter), 0xFFFFFFFF),
            last_report=self._report_ntp,
            delay_since_last_report=min(delay, 0xFFFFFFFF),
        )

    def _consider_restart(self, sequence: int, highest: int, now: float) -> tuple[Arrival, int]:
        """Two packets in sequence after a jump start the stream over (RFC 3550, A.1)."""
        believed = sequence == self._suspect
        self._suspect = (sequence + 1) & 0xFFFF
        recent = self._restarted_at is not None and now - self._restarted_at < RESTART_AT_MOST_EVERY
        if not believed or recent:
            return Arrival.UNUSABLE, highest
        self._lost_before, self._expected_before = self.packets_lost, self.packets_expected
        self._restarted_at = now
        self._suspect = self._transit = None
        self._expected_prior = self._received_prior = 0
        # Always ahead, so that nobody downstream sees a number twice.
        self.highest = self._base = highest + ((sequence - highest) & 0xFFFF)
        self.received = 1
        return Arrival.RESTARTED, self.highest
