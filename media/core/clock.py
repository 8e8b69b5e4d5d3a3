"""Relating a publisher's clocks to ours, so that what was said together is heard together."""

from __future__ import annotations

from media.core.serial import distance

NTP_EPOCH = 2_208_988_800
"Seconds from 1900 to 1970."

STEP = 1.0
"Seconds. A sender's wall clock that disagrees by more was set."


def to_ntp(seconds: float) -> int:
    """Unix seconds as a 64-bit NTP timestamp (RFC 5905, section 6)."""
    return int((seconds + NTP_EPOCH) * 4_294_967_296) & 0xFFFFFFFFFFFFFFFF


def from_ntp(ntp: int) -> float:
    return ntp / 4_294_967_296 - NTP_EPOCH


class WallOffset:
    """How far our wall clock is ahead of one publisher's.

    Taken from the first sender report and kept: all tracks of a publisher share it, so the
    relation between them is the publisher's own, whatever each report's trip through the network
    took. Replaced only when the publisher's clock was visibly set.
    """

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds: float | None = None

    def observe(self, sender_wall: float, *, wall: float) -> None:
        offset = wall - sender_wall
        if self.seconds is None or abs(offset - self.seconds) > STEP:
            self.seconds = offset


class MediaClock:
    """One stream's media timestamps against its sender's wall clock (RFC 3550, section 6.4.1)."""

    __slots__ = ("_timestamp", "_wall")

    def __init__(self) -> None:
        self._wall: float | None = None
        self._timestamp = 0

    @property
    def known(self) -> bool:
        return self._wall is not None

    def relate(self, wall: float, timestamp: int) -> None:
        """A report said that `timestamp` (32 bits or unwrapped) was sampled at `wall` (Unix s)."""
        self._wall = wall
        self._timestamp = timestamp

    def wall_at(self, timestamp: int, clock_rate: int) -> float | None:
        """Unix seconds of a timestamp within 2^31 ticks of the last report."""
        if self._wall is None:
            return None
        ticks = distance(timestamp & 0xFFFFFFFF, self._timestamp & 0xFFFFFFFF, 32)
        return self._wall + ticks / clock_rate

    def timestamp_at(self, wall: float, clock_rate: int) -> int | None:
        """The 32-bit media timestamp of a moment."""
        if self._wall is None:
            return None
        return (self._timestamp + round((wall - self._wall) * clock_rate)) & 0xFFFFFFFF
