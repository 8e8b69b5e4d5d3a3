"""One participant's links in figures: what passed lately, and over each stretch of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import add, sub
from typing import NamedTuple

WINDOW = 5.0
"""Seconds that figures of now are taken over. Longer: a change shows later; shorter: one lost
packet looks like many."""
SPEAKING_FROM = 0.4
"Share of loud packets in a second from which somebody speaks. Lower: a cough is speech."


class Counts(NamedTuple):
    """Of all streams of a participant together."""

    expected: int = 0
    "Packets sent both ways, as far as is known."
    lost: int = 0
    "Goes down when what was missing comes late."
    octets_in: int = 0
    octets_out: int = 0
    levelled: int = 0
    loud: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*map(add, self, other))

    def less(self, other: Counts) -> Counts:
        return Counts(*map(sub, self, other))


class Reading(NamedTuple):
    """What one look at a participant's streams found since the look before."""

    counts: Counts
    jitter_s: float | None
    "The worst stream's of those on which something came."
    round_trip_s: float | None


_NOTHING = Counts()
_UNSEEN = Reading(_NOTHING, None, None)


class Lately(NamedTuple):
    incoming_bps: int
    outgoing_bps: int
    loss: float | None
    "0 to 1; None: nothing passed that could have been lost."
    jitter_s: float | None
    round_trip_s: float | None
    speaking: bool


class Stretch(NamedTuple):
    began: float
    ended: float
    counts: Counts
    jitter_s: float | None
    "Mean of the looks'."
    round_trip_s: float | None


@dataclass(slots=True)
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class Figures:
    """Give every look to :meth:`read`, once a second or so. Time is passed in, in seconds."""

    began: float
    _total: Counts = _NOTHING
    _marks: deque[tuple[float, Counts]] = field(default_factory=deque)
    _last: Reading = _UNSEEN
    _stretch: Counts = _NOTHING
    "The total when the present stretch began."
    _jitter: _Mean = field(default_factory=_Mean)
    _round_trip: _Mean = field(default_factory=_Mean)

    def __post_init__(self) -> None:
        self._marks.append((self.began, self._total))

    def read(self, reading: Reading, *, now: float) -> None:
        self._total = self._total.plus(reading.counts)
        self._last = reading
        self._jitter.add(reading.jitter_s)
        self._round_trip.add(reading.round_trip_s)
        self._marks.append((now, self._total))
        # The window's first mark is the newest that is as old as the window, or a little more.
        while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW:
            self._marks.popleft()

    def lately(self) -> Lately:
        """Over the last :data:`WINDOW` seconds, or since the beginning."""
        (since, before), (now, total) = self._marks[0], self._marks[-1]
        passed = total.less(before)
        seconds = now - since
        last = self._last.counts
        return Lately(
            incoming_bps=_rate(passed.octets_in, seconds),
            outgoing_bps=_rate(passed.octets_out, seconds),
            loss=max(0, passed.lost) / passed.expected if passed.expected > 0 else None,
            jitter_s=self._last.jitter_s,
            round_trip_s=self._last.round_trip_s,
            speaking=last.levelled > 0 and last.loud >= SPEAKING_FROM * last.levelled,
        )

    def cut(self, *, now: float) -> Stretch:
        """End the present stretch here; the next begins where it ends."""
        stretch = Stretch(
            self.began,
            max(now, self.began),
            self._total.less(self._stretch),
            self._jitter.value,
            self._round_trip.value,
        )
        self.began, self._stretch = stretch.ended, self._total
        self._jitter, self._round_trip = _Mean(), _Mean()
        return stretch


def worst(values: Sequence[float]) -> float | None:
    return max(values, default=None)


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _rate(octets: int, seconds: float) -> int:
    return round(octets * 8 / seconds) if seconds > 0 else 0
