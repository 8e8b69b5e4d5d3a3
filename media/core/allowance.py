"""How much somebody may ask of us: so much a second, and a little at once."""

from __future__ import annotations


class Allowance:
    """Fills with time up to `at_once`, empties as it is taken from. Units are the caller's."""

    __slots__ = ("_at_once", "_filled_at", "_left", "_per_second")

    def __init__(self, per_second: float, at_once: float) -> None:
        self._per_second = per_second
        self._at_once = self._left = at_once
        self._filled_at: float | None = None

    def take(self, amount: float, *, now: float) -> bool:
        """False, and nothing taken, when there is not that much."""
        self._fill(now)
        if self._left < amount:
            return False
        self._left -= amount
        return True

    def take_up_to(self, count: int, *, now: float) -> int:
        """As many of `count` as there are."""
        self._fill(now)
        taken = min(count, int(self._left))
        self._left -= taken
        return taken

    def _fill(self, now: float) -> None:
        if self._filled_at is not None:
            earned = (now - self._filled_at) * self._per_second
            self._left = min(self._at_once, self._left + earned)
        self._filled_at = now
