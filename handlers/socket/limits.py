"""How much one socket may say. Pure; `now` is monotonic seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FRAMES_PER_S = 50.0
"Frames of any kind, with as many again saved up."
STRIKES = 100
"Frames refused in a row before the socket is closed."


@dataclass(slots=True)
class Bucket:
    """Holds `size` tokens and wins back `size` of them every `per_s` seconds."""

    size: float
    per_s: float
    _held: float = field(init=False)
    _at: float | None = None

    def __post_init__(self) -> None:
        self._held = self.size

    def take(self, *, now: float) -> bool:
        if self._at is not None:
            self._held = min(self.size, self._held + (now - self._at) * self.size / self.per_s)
        self._at = now
        if self._held < 1:
            return False
        self._held -= 1
        return True


PER_EVENT: Mapping[str, tuple[float, float]] = {
    "chat.send": (10, 10),
    "reaction.send": (5, 5),
    "hand.raise": (2, 10),
    "hand.lower": (2, 10),
}
"How many in how many seconds."


class Allowance:
    """What one socket has left."""

    def __init__(self) -> None:
        self._frames = Bucket(FRAMES_PER_S, 1)
        self._events = {event: Bucket(*limit) for event, limit in PER_EVENT.items()}
        self._strikes = 0

    def frame(self, *, now: float) -> bool:
        """May another frame be looked at?"""
        if self._frames.take(now=now):
            self._strikes = 0
            return True
        self._strikes += 1
        return False

    def event(self, event: str, *, now: float) -> bool:
        bucket = self._events.get(event)
        return bucket is None or bucket.take(now=now)

    @property
    def spent(self) -> bool:
        """The client goes on regardless of being told."""
        return self._strikes >= STRIKES
