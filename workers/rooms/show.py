"""Rooms found for an owner, and shown to whoever follows their log."""

from __future__ import annotations

from typing import Literal

from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, RoomView, TenantView
from infra.db import participants, rooms, tenants
from infra.db.rooms import LockedRoom
from infra.db.work import Work

News = Literal["room.started", "room.updated", "room.ended", "room.cancelled", "room.deleted"]


def lock(work: Work, tenant_id: TenantId, room_id: RoomId) -> LockedRoom:
    """Refuses ROOM_UNKNOWN."""
    room = rooms.lock(work.connection, tenant_id, room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return room


def known_seat(work: Work, room: LockedRoom, participant_id: ParticipantId) -> ParticipantView:
    """Refuses PARTICIPANT_UNKNOWN, also for a seat that was taken away."""
    seat = participants.get(work.connection, room.tenant_id, room.id, participant_id)
    if seat is None:
        raise refuse(Reason.PARTICIPANT_UNKNOWN)
    return seat


def seen(work: Work, room: LockedRoom) -> RoomView:
    """The room as it stands now in this unit of work."""
    view = rooms.get(work.connection, room.tenant_id, room.id)
    if view is None:
        raise LookupError(f"room {room.id} went away while it was locked")
    return view


def announce(work: Work, room: LockedRoom, kind: News) -> RoomView:
    """Write the event that shows the room as it stands now, and return that view."""
    view = seen(work, room)
    # With the number this event will have, or whoever compares would look for one more.
    view = view.model_copy(update={"seq": view.seq + 1})
    work.event(room.id, room.tenant_id, kind, {"room": view.model_dump(mode="json")})
    return view


def tell(work: Work, room: LockedRoom, kind: str, seat: ParticipantView, **more: object) -> None:
    """Write an event about a seat; `more` that is None is left out."""
    said = {name: value for name, value in more.items() if value is not None}
    news = {"participant": seat.model_dump(mode="json"), **said}
    work.event(room.id, room.tenant_id, f"participant.{kind}", news)


def tenant_for(work: Work, tenant_id: TenantId) -> TenantView:
    """Refuses a tenant that is unknown or closed."""
    tenant = tenants.get(work.connection, tenant_id)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if not tenant.is_active:
        raise refuse(Reason.TENANT_INACTIVE)
    return tenant
