"""Packets back in order: late and retransmitted ones are waited for, but not for long."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

HOLD_S = 0.3
"Seconds a missing packet is waited for: a retransmission over a slow round trip, twice."
MOST_HELD = 1024
FAR = 3000
"Sequence numbers. Further away than this is another stream, not a late packet."


class Reorder(Generic[T]):
    """Numbers are unwrapped. What comes out says whether something before it is lost for good."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, tuple[T, float]] = {}
        "Number to item and since when; the one held longest comes first."
        self.lost = 0
        "Packets that never came."

    def push(self, number: int, item: T, *, now: float) -> list[tuple[T, bool]]:
        """Items that are now in order, with True where packets before one were lost."""
        if self._next is None:
            self._next = number
        if abs(number - self._next) > FAR:
            out = self._release()
            self._next = number + 1
            return [*out, (item, True)]
        if number < self._next or number in self._held:
            return []
        if number == self._next and not self._held:
            self._next += 1
            return [(item, False)]
        self._held[number] = (item, now)
        return self._ready() + self.expire(now=now)

    def expire(self, *, now: float) -> list[tuple[T, bool]]:
        """Give up on what has been missing too long."""
        out: list[tuple[T, bool]] = []
        while self._held and (
            len(self._held) > MOST_HELD or now - next(iter(self._held.values()))[1] >= HOLD_S
        ):
            out += self._skip()
        return out

    def drain(self) -> list[tuple[T, bool]]:
        """Everything held, in order: nothing more is waited for. A fresh start after."""
        out = self._release()
        self._next = None
        return out

    def _release(self) -> list[tuple[T, bool]]:
        out: list[tuple[T, bool]] = []
        while self._held:
            out += self._skip()
        return out

    def _skip(self) -> list[tuple[T, bool]]:
        first = min(self._held)
        missing = first - (self._next if self._next is not None else first)
        self.lost += missing
        self._next = first
        return self._ready(after_loss=missing > 0)

    def _ready(self, *, after_loss: bool = False) -> list[tuple[T, bool]]:
        out: list[tuple[T, bool]] = []
        while self._next in self._held:
            item, _ = self._held.pop(self._next)
            out.append((item, after_loss))
            after_loss = False
            self._next += 1
        return out
