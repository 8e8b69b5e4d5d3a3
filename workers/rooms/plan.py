"""When a room is to take place: what a plan must be, and where a series goes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.contract.recurrence import next_after
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import RoomKind
from infra.db.rooms import LockedRoom


@dataclass(frozen=True, slots=True)
class Occurrence:
    starts_at: datetime
    ends_at: datetime | None


def require_times(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Refuses BAD_TIMES unless it ends after it starts, and both are moments."""
    if any(at is not None and at.tzinfo is None for at in (starts_at, ends_at)):
        raise refuse(Reason.BAD_TIMES, "times need a zone")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise refuse(Reason.BAD_TIMES)


def require_series(recurrence: str | None, starts_at: datetime | None) -> None:
    """Refuses BAD_RECURRENCE unless it starts, and its rule gives an occurrence from then on."""
    if starts_at is None:
        raise refuse(Reason.BAD_RECURRENCE, "a series needs a start")
    if (
        recurrence is not None
        and next_after(recurrence, starts_at, starts_at - timedelta.resolution) is None
    ):
        raise refuse(Reason.BAD_RECURRENCE, "recurrence: no day is like that")


def next_occurrence(room: LockedRoom, now: datetime) -> Occurrence | None:
    """What follows the occurrence that is on or was next, and is not past itself.

    None: the room is no series, or its series is over. One without a rule never is, and its plan
    stays as it was: people agree on the next time elsewhere.
    """
    if room.starts_at is None:
        return None
    if room.recurrence is None:
        is_series = room.kind is RoomKind.RECURRING
        return Occurrence(room.starts_at, room.ends_at) if is_series else None
    after = max(room.starts_at, now)
    try:
        starts_at = next_after(room.recurrence, room.series_starts_at or room.starts_at, after)
    except Refused:
        # It was good when it was planned, and has come too far since to be looked through.
        starts_at = None
    if starts_at is None:
        return None
    lasts = room.ends_at - room.starts_at if room.ends_at else None
    return Occurrence(starts_at, starts_at + lasts if lasts else None)
