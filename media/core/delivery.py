"""How our packets reach one receiver, by its own reports (RFC 3550, section 6.4.1)."""

from __future__ import annotations

from media.core.reception import ReportBlock
from media.core.serial import distance

LONGEST_ROUND_TRIP = 30 << 16
"In 1/65,536 s. What claims to have been under way for longer was not."
MOST_BETWEEN_REPORTS = 1 << 16
"Packets. A report further on than this is of another stream than those before."


class Delivery:
    """Give every report block about the stream to :meth:`reported`.

    Counted from the first report on: how many packets went before it, only the sender knows. What
    a report says is believed as far as it can be true: nobody loses more than there was.
    """

    __slots__ = ("_last", "expected", "jitter", "lost", "reported_at", "round_trip_s")

    def __init__(self) -> None:
        self.expected = 0
        "Packets, between the first report and the last."
        self.lost = 0
        "Of those. Never goes down, though what came late may make up for a loss."
        self.jitter: int | None = None
        "Ticks of the stream's clock."
        self.round_trip_s: float | None = None
        self.reported_at: float | None = None
        "Monotonic seconds."
        self._last: ReportBlock | None = None

    def reported(self, block: ReportBlock, *, middle_ntp: int, now: float) -> None:
        """`middle_ntp`: the middle 32 bits of our wall clock's NTP time now."""
        if block.last_report:
            spent = middle_ntp - block.last_report - block.delay_since_last_report
            # A clock that was set back in between makes it negative: nothing was measured then.
            if 0 <= distance(spent & 0xFFFFFFFF, 0, 32) <= LONGEST_ROUND_TRIP:
                self.round_trip_s = (spent & 0xFFFFFFFF) / 65_536
        last, self._last = self._last, block
        self.jitter, self.reported_at = block.jitter, now
        if last is None:
            return
        expected = distance(block.highest, last.highest, 32)
        if 0 < expected <= MOST_BETWEEN_REPORTS:
            self.expected += expected
            self.lost += min(max(0, block.packets_lost - last.packets_lost), expected)
