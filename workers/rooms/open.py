"""Making rooms, and opening them for whoever joins."""

from __future__ import annotations

from datetime import datetime

from infra.contract.commands import CreateRoom
from infra.contract.ids import RoomId, TenantId
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import RoomConfig, RoomKind, RoomState, RoomView, TenantView
from infra.db import rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers.owners import owns
from workers.rooms import guests, lifecycle, plan, quota, show, start
from workers.tools import Tools


@owns(CreateRoom)
def create_room(command: CreateRoom, work: Work, tools: Tools) -> RoomView:
    """An instant room is live at once. Made already, it is left as it is."""
    room = _planned(command, work.now)
    if room.state is RoomState.LIVE:
        known_quota = quota.HEADROOM.quota(command.tenant_id, work.now)
        if known_quota is not None and _written(work, room, quota=known_quota):
            return _with_seats(work, command, room)
    try:
        _make(work, quota.lock(work, command.tenant_id), room)
    except Refused:
        made = rooms.get(work.connection, command.tenant_id, command.room_id)
        if made is None:
            raise
        return made
    return _with_seats(work, command, room)


def for_joining(
    work: Work, tenant: TenantView, room: str, room_id_if_new: RoomId, *, may_open: bool
) -> tuple[LockedRoom, bool]:
    """The live room that this id or name stands for, locked, and whether it was just made.

    Where the tenant allows early joins (and `may_open`), an unknown name makes the room and a
    room that has ended is opened again: a new session in the same room.
    """
    may_open = may_open and tenant.config.allow_early_join
    found = rooms.find(work.connection, tenant.id, room)
    if found is not None and found.state is RoomState.LIVE:
        locked = rooms.lock(work.connection, tenant.id, found.id)
        if locked is not None and locked.state is RoomState.LIVE:
            start.require_put_forward(locked)
            return locked, False
        # It ended between the two looks, which the second look below sees too.

    if not may_open:
        raise refuse(Reason.ROOM_UNKNOWN if found is None else Reason.ROOM_NOT_ACTIVE)
    if found is None and _is_id(room):
        raise refuse(Reason.ROOM_UNKNOWN)
    return _opened(work, tenant.id, room, room_id_if_new)


def _opened(
    work: Work, tenant_id: TenantId, room: str, room_id_if_new: RoomId
) -> tuple[LockedRoom, bool]:
    # Whoever else wants to open a room of this tenant waits here, so one new name makes one room.
    tenant = quota.lock(work, tenant_id)
    found = rooms.find(work.connection, tenant_id, room)
    if found is None:
        made = _make(work, tenant, _new(room_id_if_new, tenant_id, work.now, room))
        return show.lock(work, made.tenant_id, made.id), True

    locked = show.lock(work, tenant_id, found.id)
    step = lifecycle.EARLY_JOIN.get(locked.state)
    if step is not None:
        start.open_again(work, tenant, locked, step)
        locked = show.lock(work, tenant_id, found.id)
    lifecycle.require_live(locked.state)
    start.require_put_forward(locked)
    return locked, False


def _planned(command: CreateRoom, now: datetime) -> RoomView:
    """The room as ordered. Refuses BAD_TIMES, BAD_RECURRENCE."""
    plan.require_times(command.starts_at, command.ends_at)
    is_series = command.room_kind is RoomKind.RECURRING
    if is_series:
        plan.require_series(command.recurrence, command.starts_at)
    elif command.recurrence is not None:
        raise refuse(Reason.BAD_RECURRENCE, f"a room that is {command.room_kind.value} has no rule")
    made = _new(command.room_id, command.tenant_id, now, command.name, command.config)
    is_live = command.room_kind is RoomKind.INSTANT
    return made.model_copy(
        update={
            "metadata": command.metadata,
            "state": RoomState.LIVE if is_live else RoomState.SCHEDULED,
            "started_at": now if is_live else None,
            "kind": command.room_kind,
            "creator_id": command.creator_id,
            "description": command.description,
            "location": command.location,
            "starts_at": command.starts_at,
            "ends_at": command.ends_at,
            "recurrence": command.recurrence,
            "series_starts_at": command.starts_at if is_series else None,
        }
    )


def _with_seats(work: Work, command: CreateRoom, room: RoomView) -> RoomView:
    if command.creator_id is not None and command.creator_seat is not None:
        guests.seat_creator(
            work, room, command.creator_id, command.creator_seat, command.creator_name
        )
    if command.invitees:
        guests.keep_seats(work, room.tenant_id, room.id, command.invitees)
    return room


def _make(work: Work, tenant: TenantView, room: RoomView) -> RoomView:
    """Write the new room of a locked tenant."""
    if room.state is RoomState.LIVE:
        quota.require_one_more(work, tenant)
    if not _written(work, room, quota=tenant.max_concurrent_rooms):
        raise refuse(Reason.ROOM_UNKNOWN, "this room id is taken")
    return room


def _written(work: Work, room: RoomView, *, quota: int) -> bool:
    made = rooms.insert(work.connection, room, quota=quota)
    if made == "heard" and room.state is RoomState.LIVE:
        work.born(room)
    return made is not None


def _new(
    room_id: RoomId,
    tenant_id: TenantId,
    now: datetime,
    name: str | None = None,
    config: RoomConfig | None = None,
) -> RoomView:
    return RoomView(
        id=room_id,
        tenant_id=tenant_id,
        name=name or str(room_id),
        config=config or RoomConfig(),
        metadata={},
        state=RoomState.LIVE,
        version=1,
        epoch=0,
        seq=0,
        started_at=now,
        ended_at=None,
        created_at=now,
        updated_at=now,
    )


def _is_id(room: str) -> bool:
    return rooms.as_id(room) is not None
