"""When a room stops being ours. The epoch in the database decides; here is only when to act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.bus.pods import LEASE_MS, Held
from infra.contract.ids import RoomId

OUTAGE_S = 60.0
"Without Redis media goes on for so long: nobody else can be told to take the room either."
CLAIM_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    claim: tuple[RoomId, ...] = ()
    "Rooms whose lease nobody holds: ask what to do about them."
    drop: tuple[RoomId, ...] = ()
    "Rooms that are another's."
    regained: tuple[RoomId, ...] = ()
    "Rooms of which nothing could be said for a while, and now can."


@dataclass(slots=True)
class _Tenure:
    renewed_at: float
    lost: bool = False
    claimed_at: float = float("-inf")


@dataclass(slots=True)
class Leases:
    """Call :meth:`answered` with what the renewal said, or :meth:`unanswered` when it did not.

    A room is dropped when two renewals in a row found it lost: one may have crossed with the order
    that makes a later tenure ours. Times are those at which the renewal was *asked*, since the
    answer may be as late as it likes.
    """

    _tenures: dict[RoomId, _Tenure] = field(default_factory=dict)
    _reached_at: float | None = None

    def took(self, room: RoomId, *, now: float) -> None:
        """A room was ordered to be held: its lease was granted just before."""
        self._tenures[room] = _Tenure(renewed_at=now)

    def left(self, room: RoomId) -> None:
        self._tenures.pop(room, None)

    def is_fresh(self, room: RoomId, *, now: float) -> bool:
        """Whether the lease was ours so lately that it must be still."""
        tenure = self._tenures.get(room)
        return tenure is not None and now - tenure.renewed_at < LEASE_MS / 1000

    def answered(self, held: Mapping[RoomId, Held], *, asked_at: float) -> Verdict:
        self._reached_at = asked_at
        claim, drop, regained = [], [], []
        for room, answer in held.items():
            tenure = self._tenures.get(room)
            if tenure is None:
                continue
            if answer == "held":
                if asked_at - tenure.renewed_at > LEASE_MS / 1000:
                    regained.append(room)
                tenure.renewed_at = asked_at
            elif answer == "missing" and asked_at - tenure.claimed_at >= CLAIM_AGAIN_S:
                tenure.claimed_at = asked_at
                claim.append(room)
            elif answer == "lost" and tenure.lost:
                drop.append(room)
            tenure.lost = answer == "lost"
        return Verdict(tuple(claim), tuple(drop), tuple(regained))

    def unanswered(self, *, now: float) -> Verdict:
        """Redis could not be reached."""
        if self._reached_at is None:
            self._reached_at = now
        if now - self._reached_at < OUTAGE_S:
            return Verdict()
        return Verdict(drop=tuple(self._tenures))
