"""How many clients may be negotiating at once."""

from __future__ import annotations

import asyncio
import random
from collections import deque

from infra.contract.refusals import Reason, Refused, refuse

PLACES = 4
"Measured: more at once connect no sooner, and delay everybody's packets."
QUEUE = 64
WAIT_S = 1.5
"Longest in the queue: the asker gives up after 2 s."
HELD_S = 1.0
"A client that has not connected by then no longer holds its place; it may still connect."


def busy() -> Refused:
    """Come back in a while; not all at the same moment."""
    return refuse(Reason.POD_BUSY, retry_after_s=random.randint(1, 5))


class Gate:
    """Lets :data:`PLACES` in at once; :data:`QUEUE` may wait, others are refused with POD_BUSY."""

    def __init__(self) -> None:
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def enter(self) -> Place:
        """Wait for a place. Refuses with POD_BUSY when too many wait, or it takes too long."""
        if self._inside < PLACES:
            self._inside += 1
            return Place(self)
        if len(self._waiting) >= QUEUE:
            raise busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=WAIT_S)
        except asyncio.CancelledError:
            self._give_up(turn)
            raise
        if not turn.done():
            self._give_up(turn)
            raise busy()
        return Place(self)

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.done():
            self._leave()
        else:
            self._waiting.remove(turn)

    def _leave(self) -> None:
        if self._waiting:
            # The place changes hands without ever being free, so nobody jumps the queue.
            self._waiting.popleft().set_result(None)
        else:
            self._inside -= 1


class Place:
    """One negotiation under way. Free again when left, and after :data:`HELD_S` at the latest."""

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate
        self._timer = asyncio.get_running_loop().call_later(HELD_S, self.leave)

    def leave(self) -> None:
        """Leaving again changes nothing."""
        self._timer.cancel()
        if self._gate is not None:
            self._gate._leave()
            self._gate = None
