"""Telling a publisher when its packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01,
section 3.1), so that it can judge the network between it and us."""

from __future__ import annotations

import struct

from media.core.serial import Unwrapper

TICK = 0.000_25
"Seconds: the unit of receive deltas. The reference time counts 256 of them."
LONGEST_SPAN = 400
"Sequence numbers covered by one feedback packet."
MOST_WAITING = 4000
"Arrivals kept between two feedbacks; a sender faster than that hears of the first ones only."

NOT_RECEIVED, SMALL, LARGE = 0, 1, 2


class ArrivalLog:
    """Arrivals on one leg since the last feedback. Time is passed in, in monotonic seconds."""

    __slots__ = ("_arrivals", "_count", "_reported", "_sequences")

    def __init__(self) -> None:
        self._sequences = Unwrapper(16)
        self._arrivals: dict[int, float] = {}
        self._count = 0
        self._reported: int | None = None
        "The highest number any feedback has covered."

    def arrived(self, sequence: int, *, now: float) -> None:
        if len(self._arrivals) < MOST_WAITING:
            self._arrivals.setdefault(self._sequences.unwrap(sequence), now)

    def take_feedback(self) -> list[bytes]:
        """Bodies of feedback packets for everything that arrived since the last call.

        Missing numbers are reported between those that came, and from the last feedback on;
        a gap longer than :data:`LONGEST_SPAN` is passed over.
        """
        bodies: list[bytes] = []
        sequences = sorted(self._arrivals)
        start = 0
        while start < len(sequences):
            first = sequences[start]
            if self._reported is not None and 0 < first - self._reported <= LONGEST_SPAN // 2:
                first = self._reported + 1
            stop = start
            while stop < len(sequences) and sequences[stop] - first < LONGEST_SPAN:
                stop += 1
            bodies.append(self._body(first, sequences[start:stop]))
            self._reported = max(sequences[stop - 1], self._reported or sequences[stop - 1])
            start = stop
        self._arrivals.clear()
        return bodies

    def _body(self, first: int, received: list[int]) -> bytes:
        reference = int(self._arrivals[received[0]] / (TICK * 256))
        at = reference * 256
        statuses = [NOT_RECEIVED] * (received[-1] - first + 1)
        deltas = bytearray()
        for sequence in received:
            ticks = round(self._arrivals[sequence] / TICK)
            delta = max(-32_768, min(32_767, ticks - at))
            at += delta
            if 0 <= delta <= 255:
                statuses[sequence - first] = SMALL
                deltas.append(delta)
            else:
                statuses[sequence - first] = LARGE
                deltas += struct.pack("!h", delta)
        head = struct.pack(
            "!HHI",
            first & 0xFFFF,
            len(statuses),
            (reference & 0xFFFFFF) << 8 | self._count & 0xFF,
        )
        self._count += 1
        body = head + _chunks(statuses) + bytes(deltas)
        return body + bytes(-len(body) % 4)


def _chunks(statuses: list[int]) -> bytes:
    """Packet status chunks: runs where they cover more than a vector of seven two-bit symbols."""
    chunks = bytearray()
    at = 0
    while at < len(statuses):
        run = at
        while run < len(statuses) and statuses[run] == statuses[at]:
            run += 1
        if run - at >= 7:
            chunks += struct.pack("!H", statuses[at] << 13 | run - at)
            at = run
        else:
            vector = 0xC000
            for index, status in enumerate(statuses[at : at + 7]):
                vector |= status << 12 - 2 * index
            chunks += struct.pack("!H", vector)
            at += 7
    return bytes(chunks)
