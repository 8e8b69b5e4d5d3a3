"""Making rooms, changing them, and opening them for whoever joins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from infra.contract.commands import CreateRoom, UpdateRoom
from infra.contract.ids import RoomId, TenantId
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import RoomConfig, RoomState, RoomView, TenantView
from infra.db import rooms, tenants
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers.fields import merged
from workers.owners import owns
from workers.rooms import lifecycle, quota
from workers.tools import Tools


@owns(CreateRoom)
def create_room(command: CreateRoom, work: Work, tools: Tools) -> RoomView:
    """The room is live at once. Made already, it is left as it is."""
    room = _new(
        command.room_id, command.tenant_id, work.now, command.name, command.config, command.metadata
    )
    known_quota = quota.HEADROOM.quota(command.tenant_id, work.now)
    if known_quota is not None and rooms.insert(work.connection, room, quota=known_quota):
        return room
    try:
        return _make(work, quota.lock(work, command.tenant_id), room)
    except Refused:
        made = rooms.get(work.connection, command.tenant_id, command.room_id)
        if made is None:
            raise
        return made


@owns(UpdateRoom)
def update_room(command: UpdateRoom, work: Work, tools: Tools) -> RoomView:
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    changes: dict[str, Any] = {}
    if command.name is not None:
        changes["name"] = command.name
    if command.config is not None:
        changes["config"] = merged(room.config, command.config).model_dump(mode="json")
    if command.metadata is not None:
        changes["meta"] = command.metadata
    if changes:
        rooms.change(work.connection, room, work.now, **changes)
        return announce(work, room, "room.updated")
    return seen(work, room)


def seen(work: Work, room: LockedRoom) -> RoomView:
    """The room as it stands now in this unit of work."""
    view = rooms.get(work.connection, room.tenant_id, room.id)
    if view is None:
        raise LookupError(f"room {room.id} went away while it was locked")
    return view


def announce(work: Work, room: LockedRoom, kind: Literal["room.updated", "room.ended"]) -> RoomView:
    """Write the event that shows the room as it stands now, and return that view."""
    view = seen(work, room)
    # With the number this event will have, or whoever compares would look for one more.
    view = view.model_copy(update={"seq": view.seq + 1})
    work.event(room.id, room.tenant_id, kind, {"room": view.model_dump(mode="json")})
    return view


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
        return _locked(work, made.tenant_id, made.id), True

    locked = _locked(work, tenant_id, found.id)
    step = lifecycle.EARLY_JOIN.get(locked.state)
    if step is not None:
        quota.require_one_more(work, tenant)
        rooms.change(
            work.connection,
            locked,
            work.now,
            state=lifecycle.after(locked.state, step).value,
            started_at=work.now,
            ended_at=None,
            empty_since=work.now,
        )
        locked = _locked(work, tenant_id, found.id)
        announce(work, locked, "room.updated")
    lifecycle.require_live(locked.state)
    return locked, False


def _locked(work: Work, tenant_id: TenantId, room_id: RoomId) -> LockedRoom:
    locked = rooms.lock(work.connection, tenant_id, room_id)
    if locked is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return locked


def _make(work: Work, tenant: TenantView, room: RoomView) -> RoomView:
    """Write the new room of a locked tenant."""
    quota.require_one_more(work, tenant)
    if not rooms.insert(work.connection, room, quota=tenant.max_concurrent_rooms):
        raise refuse(Reason.ROOM_UNKNOWN, "this room id is taken")
    return room


def _new(
    room_id: RoomId,
    tenant_id: TenantId,
    now: datetime,
    name: str | None = None,
    config: RoomConfig | None = None,
    metadata: dict[str, Any] | None = None,
) -> RoomView:
    return RoomView(
        id=room_id,
        tenant_id=tenant_id,
        name=name or str(room_id),
        config=config or RoomConfig(),
        metadata=metadata or {},
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


def tenant_for(work: Work, tenant_id: TenantId) -> TenantView:
    """Refuses a tenant that is unknown or closed."""
    tenant = tenants.get(work.connection, tenant_id)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if not tenant.is_active:
        raise refuse(Reason.TENANT_INACTIVE)
    return tenant
