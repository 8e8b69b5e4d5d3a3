"""Making whatever a receiver is fed look like one stream."""

from __future__ import annotations

from media.core.serial import distance

FRAME_GAP = 1 / 30
"Seconds added to the clock at a change of source, when less went by."


class Rewriter:
    """One receiver's sequence numbers and timestamps.

    A source's numbers are moved by a constant while it plays, so what the publisher lost stays a
    gap and what arrives late falls into its place. At a change the numbers go on after the last
    one sent. Sequence numbers are unwrapped; timestamps are 32 bits.
    """

    __slots__ = (
        "_first",
        "_last_at",
        "_last_timestamp",
        "_next",
        "sequence_offset",
        "starts_at",
        "timestamp_offset",
    )

    def __init__(self, first_sequence: int) -> None:
        """`first_sequence` below 2^15, so that a lost first packet does not look like a wrap
        (RFC 3711, section 3.3.1)."""
        self.sequence_offset = 0
        self.timestamp_offset = 0
        self.starts_at: int | None = None
        "The source's sequence number it was joined at; None while nothing plays."
        self._next = self._first = first_sequence
        self._last_timestamp: int | None = None
        self._last_at = 0.0

    def begin(self, sequence: int, timestamp: int, clock_rate: int, *, now: float) -> None:
        """Start playing a source at this packet. The clock goes on by the time gone by."""
        self.starts_at = sequence
        self.sequence_offset = self._next - sequence
        if self._last_timestamp is not None:
            passed = max(now - self._last_at, FRAME_GAP)
            expected = self._last_timestamp + int(passed * clock_rate)
            self.timestamp_offset = (expected - timestamp) & 0xFFFFFFFF

    def end(self, sequence: int, timestamp: int, *, now: float) -> None:
        """Stop; the source's newest packet had these numbers and arrived at `now`."""
        if self.starts_at is None:
            return
        self._next = max(sequence, self.starts_at) + self.sequence_offset + 1
        self._last_timestamp = (timestamp + self.timestamp_offset) & 0xFFFFFFFF
        self._last_at = now
        self.starts_at = None

    def given_out(self, newest: int | None) -> int:
        """How many numbers the receiver was to see so far, `newest` being the source's newest:
        those of packets that the publisher lost among them."""
        if self.starts_at is None or newest is None:
            return self._next - self._first
        return max(newest, self.starts_at) + self.sequence_offset + 1 - self._first

    def original(self, sequence: int, newest: int) -> int | None:
        """The source's number for a 16-bit `sequence` the receiver names, `newest` being the
        source's newest. None for what came before the current source, or is not out yet."""
        if self.starts_at is None:
            return None
        sent = newest + self.sequence_offset
        found = newest + distance(sequence, sent & 0xFFFF, 16)
        return found if self.starts_at <= found <= newest else None
