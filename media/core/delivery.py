"""How our packets reach one receiver, by its own reports (RFC 3550, section 6.4.1)."""

from __future__ import annotations

from media.core.reception import ReportBlock
from media.core.serial import distance

LONGEST_ROUND_TRIP = 30 << 16
"In 1/65,536 s. What claims to have been under way for longer was not."


class Delivery:
    """Give every report block about the stream to :meth:`reported`.

    Counted from the first report on: what the receiver counts from, only it knows. Numbers that
    never left here, because a publisher's packets were lost before, are neither expected nor lost.
    """

    __slots__ = (
        "_first_lost",
        "_first_unsent",
        "_further",
        "_highest",
        "_unsent",
        "jitter",
        "lost",
        "reported_at",
        "round_trip_s",
    )

    def __init__(self) -> None:
        self.lost = 0
        "Packets. Goes down when what was missing comes late."
        self.jitter: int | None = None
        "Ticks of the stream's clock."
        self.round_trip_s: float | None = None
        self.reported_at: float | None = None
        "Monotonic seconds."
        self._highest: int | None = None
        self._first_lost = self._first_unsent = self._unsent = self._further = 0

    @property
    def expected(self) -> int:
        """Packets that left here, between the first report and the last."""
        return self._further - self._unsent

    def reported(self, block: ReportBlock, *, unsent: int, middle_ntp: int, now: float) -> None:
        """`unsent`: of the stream's numbers until now, those that never left here. `middle_ntp`:
        the middle 32 bits of our wall clock's NTP time now."""
        if block.last_report:
            spent = middle_ntp - block.last_report - block.delay_since_last_report
            # A clock that was set back in between makes it negative: nothing was measured then.
            if 0 <= distance(spent & 0xFFFFFFFF, 0, 32) <= LONGEST_ROUND_TRIP:
                self.round_trip_s = (spent & 0xFFFFFFFF) / 65_536
        self.jitter, self.reported_at = block.jitter, now
        if self._highest is None:
            self._first_lost, self._first_unsent = block.packets_lost, unsent
            self._highest = block.highest
            return
        # Not all receivers count the wraps in the upper half (aiortc 1.16 does not); at a report
        # every few seconds the lower half tells.
        further = distance(block.highest & 0xFFFF, self._highest & 0xFFFF, 16)
        if further > 0:
            self._highest += further
            self._further += further
        self._unsent = unsent - self._first_unsent
        self.lost = block.packets_lost - self._first_lost - self._unsent
