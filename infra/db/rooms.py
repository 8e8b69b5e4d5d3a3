"""Rooms: what is read and written of them. Their log is in `events.py`, which pod holds them in
`placements.py`."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from infra.contract.ids import PodId, RoomId, SpoolId, TenantId
from infra.contract.views import Admission, RoomConfig, RoomKind, RoomState, RoomView
from infra.db.deliveries import anybody_hears
from infra.db.tables import Room

_TABLES = Room.metadata.tables
ROOMS = _TABLES["rooms"]
_TENANTS = _TABLES["tenants"]
_PARTICIPANTS = _TABLES["participants"]

_PEOPLE = (
    select(func.count())
    .select_from(_PARTICIPANTS)
    .where(
        _PARTICIPANTS.c.room_id == ROOMS.c.id,
        _PARTICIPANTS.c.joined_at.is_not(None),
        _PARTICIPANTS.c.left_at.is_(None),
    )
    .correlate(ROOMS)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class LockedRoom:
    """A room that nobody else changes until this transaction ends."""

    id: RoomId
    tenant_id: TenantId
    name: str
    config: RoomConfig
    metadata: dict[str, Any]
    state: RoomState
    pod_id: PodId | None
    spool_id: SpoolId | None
    epoch: int
    version: int
    empty_since: datetime | None
    started_at: datetime | None
    kind: RoomKind
    creator_id: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    recurrence: str | None
    series_starts_at: datetime | None
    is_active: bool


def _view(row: Row[Any]) -> RoomView:
    return RoomView(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        config=RoomConfig.model_validate(row.config),
        metadata=row.meta,
        state=RoomState(row.state),
        kind=RoomKind(row.kind),
        creator_id=row.creator_id,
        description=row.description,
        location=row.location,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        recurrence=row.recurrence,
        series_starts_at=row.series_starts_at,
        is_active=row.is_active,
        version=row.version,
        epoch=row.epoch,
        seq=row.seq,
        participant_count=row.people,
        started_at=row.started_at,
        ended_at=row.ended_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _of(tenant_id: TenantId) -> Select[Any]:
    return select(ROOMS, _PEOPLE.label("people")).where(
        ROOMS.c.tenant_id == tenant_id, ROOMS.c.deleted_at.is_(None)
    )


def as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# --- reading ---


def get(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> RoomView | None:
    row = connection.execute(_of(tenant_id).where(ROOMS.c.id == room_id)).one_or_none()
    return _view(row) if row else None


def find(connection: Connection, tenant_id: TenantId, room: str) -> RoomView | None:
    """By id, else by name: the newest of those that share it."""
    room_id = as_id(room)
    if room_id is not None:
        return get(connection, tenant_id, RoomId(room_id))
    row = connection.execute(
        _of(tenant_id).where(ROOMS.c.name == room).order_by(ROOMS.c.id.desc()).limit(1)
    ).one_or_none()
    return _view(row) if row else None


def page(
    connection: Connection, tenant_id: TenantId, limit: int, offset: int
) -> tuple[list[RoomView], int]:
    """Rooms that are live or will be, newest first, and how many there are in all."""
    active = _of(tenant_id).where(ROOMS.c.state.in_((RoomState.SCHEDULED, RoomState.LIVE)))
    rows = connection.execute(active.order_by(ROOMS.c.id.desc()).limit(limit).offset(offset))
    found = [_view(row) for row in rows]
    count = active.with_only_columns(func.count(), maintain_column_froms=True)
    return found, connection.execute(count).scalar_one()


def page_all(
    connection: Connection,
    tenant_id: TenantId,
    state: RoomState | None,
    limit: int,
    before: RoomId | None = None,
    only: Collection[RoomId] | None = None,
) -> list[RoomView]:
    """Rooms of any state, or of one, newest first: the `limit` made before the one named, and
    among `only` these where there are any."""
    rooms = _of(tenant_id)
    if state is not None:
        rooms = rooms.where(ROOMS.c.state == state)
    if only is not None:
        rooms = rooms.where(ROOMS.c.id.in_(only))
    return _newest(connection, rooms, limit, before)


def of_user(
    connection: Connection,
    tenant_id: TenantId,
    user_id: str,
    limit: int,
    before: RoomId | None = None,
    state: RoomState | None = None,
) -> list[RoomView]:
    """Rooms that this user made, or has a seat in that was not taken away, newest first: the
    `limit` made before the one named. Having asked to be let in is not enough."""
    seated = select(_PARTICIPANTS.c.room_id).where(
        _PARTICIPANTS.c.tenant_id == tenant_id,
        _PARTICIPANTS.c.external_user_id == user_id,
        _PARTICIPANTS.c.removed_at.is_(None),
        or_(
            _PARTICIPANTS.c.held_at.is_not(None),
            _PARTICIPANTS.c.invited_at.is_not(None),
            _PARTICIPANTS.c.admission == Admission.ADMITTED,
        ),
    )
    rooms = _of(tenant_id).where(or_(ROOMS.c.creator_id == user_id, ROOMS.c.id.in_(seated)))
    if state is not None:
        rooms = rooms.where(ROOMS.c.state == state)
    return _newest(connection, rooms, limit, before)


def _newest(
    connection: Connection, rooms: Select[Any], limit: int, before: RoomId | None
) -> list[RoomView]:
    if before is not None:
        rooms = rooms.where(ROOMS.c.id < before)
    rows = connection.execute(rooms.order_by(ROOMS.c.id.desc()).limit(limit))
    return [_view(row) for row in rows]


def present_users(connection: Connection, room_ids: Sequence[RoomId]) -> dict[RoomId, list[str]]:
    """The users who are in each of these rooms now; a room without any has an empty list.

    People without a user's name are not among them.
    """
    found: dict[RoomId, list[str]] = {room_id: [] for room_id in room_ids}
    rows = connection.execute(
        select(_PARTICIPANTS.c.room_id, _PARTICIPANTS.c.external_user_id)
        .where(
            _PARTICIPANTS.c.room_id.in_(room_ids),
            _PARTICIPANTS.c.external_user_id.is_not(None),
            _PARTICIPANTS.c.joined_at.is_not(None),
            _PARTICIPANTS.c.left_at.is_(None),
        )
        .order_by(_PARTICIPANTS.c.id)
    )
    for row in rows:
        there = found[RoomId(row.room_id)]
        if row.external_user_id not in there:
            there.append(row.external_user_id)
    return found


def count_live(connection: Connection, tenant_id: TenantId) -> int:
    return connection.execute(
        select(func.count()).where(ROOMS.c.tenant_id == tenant_id, ROOMS.c.state == RoomState.LIVE)
    ).scalar_one()


# --- writing ---


def lock(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> LockedRoom | None:
    """Read it and keep others from changing it until the commit. Taken after the tenant's lock."""
    row = connection.execute(
        select(ROOMS)
        .where(ROOMS.c.id == room_id, ROOMS.c.tenant_id == tenant_id, ROOMS.c.deleted_at.is_(None))
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        return None
    return LockedRoom(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        config=RoomConfig.model_validate(row.config),
        metadata=row.meta,
        state=RoomState(row.state),
        pod_id=row.pod_id,
        spool_id=row.spool_id,
        epoch=row.epoch,
        version=row.version,
        empty_since=row.empty_since,
        started_at=row.started_at,
        kind=RoomKind(row.kind),
        creator_id=row.creator_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        recurrence=row.recurrence,
        series_starts_at=row.series_starts_at,
        is_active=row.is_active,
    )


@functools.cache
def _insert(dialect: str) -> Any:
    written = (
        *("name", "config", "meta", "state", "kind", "creator_id", "description", "location"),
        *("recurrence", "is_active", "epoch", "seq", "version"),
    )
    times = (
        *("starts_at", "ends_at", "series_starts_at"),
        *("empty_since", "started_at", "created_at", "updated_at"),
    )
    columns = [ROOMS.c[name] for name in (*written, *times)]
    source = (
        select(
            bindparam("room_id", type_=ROOMS.c.id.type),
            _TENANTS.c.id,
            *(bindparam(column.name, type_=column.type) for column in columns),
        )
        .select_from(_TENANTS)
        .where(
            _TENANTS.c.id == bindparam("tenant_id"),
            _TENANTS.c.is_active,
            _TENANTS.c.max_concurrent_rooms == bindparam("quota"),
        )
    )
    into = postgresql.insert(ROOMS) if dialect == "postgresql" else sqlite.insert(ROOMS)
    return (
        into.from_select(
            ["id", "tenant_id", *(column.name for column in columns)],
            source,
            include_defaults=False,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        # Asked along with it, so that tenants without webhooks pay no statement for them.
        .returning(anybody_hears(bindparam("tenant_id", type_=ROOMS.c.tenant_id.type)))
    )


def insert(
    connection: Connection, room: RoomView, *, quota: int
) -> Literal["heard", "made"] | None:
    """Write a new room of an active tenant whose quota is `quota`, in one statement.

    heard: somebody may want to be told of it by a webhook. None: the id is taken, or the tenant is
    not as was said. Nothing was written then.
    """
    written = connection.execute(
        _insert(connection.dialect.name),
        {
            "room_id": room.id,
            "tenant_id": room.tenant_id,
            "quota": quota,
            "name": room.name,
            "config": room.config.model_dump(mode="json"),
            "meta": room.metadata,
            "state": room.state.value,
            "kind": room.kind.value,
            "creator_id": room.creator_id,
            "description": room.description,
            "location": room.location,
            "recurrence": room.recurrence,
            "is_active": room.is_active,
            "epoch": room.epoch,
            "seq": room.seq,
            "version": room.version,
            "starts_at": room.starts_at,
            "ends_at": room.ends_at,
            "series_starts_at": room.series_starts_at,
            "empty_since": room.created_at if room.state is RoomState.LIVE else None,
            "started_at": room.started_at,
            "created_at": room.created_at,
            "updated_at": room.updated_at,
        },
    )
    row = written.first()
    if row is None:
        return None
    return "heard" if row[0] else "made"


def change(connection: Connection, room: LockedRoom, now: datetime, **values: Any) -> None:
    """Set columns of a room that is locked: it is another version of it then. None: the change is
    in what belongs to it, such as who is invited."""
    connection.execute(
        update(ROOMS)
        .where(ROOMS.c.id == room.id, ROOMS.c.tenant_id == room.tenant_id)
        .values(version=ROOMS.c.version + 1, updated_at=now, **values)
    )


def mark_empty(connection: Connection, room: LockedRoom, since: datetime | None) -> None:
    """From when on nobody is there; None: somebody is."""
    connection.execute(
        update(ROOMS)
        .where(ROOMS.c.id == room.id, ROOMS.c.tenant_id == room.tenant_id)
        .values(empty_since=since)
    )
