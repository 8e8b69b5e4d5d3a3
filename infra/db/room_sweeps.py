"""What the sweeps look for among the live rooms of all tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, literal_column, or_, select

from infra.contract.ids import PodId, RoomId, TenantId
from infra.contract.views import RecordingState, RoomKind, RoomState
from infra.db.tables import Room

_TABLES = Room.metadata.tables
ROOMS = _TABLES["rooms"]
_TENANTS = _TABLES["tenants"]
_RECORDINGS = _TABLES["recordings"]

Found = list[tuple[TenantId, RoomId]]


def _found(connection: Connection, statement: Select[Any]) -> Found:
    return [(TenantId(row.tenant_id), RoomId(row.id)) for row in connection.execute(statement)]


def _live() -> Select[Any]:
    return select(ROOMS.c.tenant_id, ROOMS.c.id).where(ROOMS.c.state == RoomState.LIVE)


def pods_with_rooms(connection: Connection) -> set[PodId]:
    return {
        PodId(pod)
        for pod in connection.scalars(
            select(ROOMS.c.pod_id)
            .where(ROOMS.c.state == RoomState.LIVE, ROOMS.c.pod_id.is_not(None))
            .distinct()
        )
    }


def in_use_on(connection: Connection, pod_id: PodId, limit: int) -> Found:
    """Rooms of this pod with people in them or a recording under way."""
    recording = (
        select(_RECORDINGS.c.id)
        .where(
            _RECORDINGS.c.room_id == ROOMS.c.id,
            _RECORDINGS.c.state == RecordingState.RECORDING,
        )
        .exists()
    )
    return _found(
        connection,
        _live()
        .where(ROOMS.c.pod_id == pod_id, or_(ROOMS.c.empty_since.is_(None), recording))
        .order_by(ROOMS.c.id)
        .limit(limit),
    )


def empty_for(connection: Connection, minutes: int, now_minus: datetime, limit: int) -> Found:
    """Rooms nobody has been in since `now_minus`, of tenants whose patience is `minutes`."""
    patience = _TENANTS.c.config["empty_room_timeout_minutes"].as_integer()
    return _found(
        connection,
        _live()
        .join(_TENANTS, _TENANTS.c.id == ROOMS.c.tenant_id)
        .where(ROOMS.c.empty_since <= now_minus, patience == minutes)
        .order_by(ROOMS.c.id)
        .limit(limit),
    )


def of_closed_tenants(connection: Connection, limit: int) -> Found:
    """Live rooms that outlived their tenant."""
    return _found(
        connection,
        _live()
        .join(_TENANTS, _TENANTS.c.id == ROOMS.c.tenant_id)
        .where(_TENANTS.c.is_active.is_(False))
        .limit(limit),
    )


def missed(connection: Connection, now: datetime, day_ago: datetime, limit: int) -> Found:
    """Series whose next occurrence is over, or began a day ago if it has no end, unstarted."""
    return _found(
        connection,
        select(ROOMS.c.tenant_id, ROOMS.c.id)
        .where(
            # As the index has it: SQLite compares the words, not what stands for them.
            ROOMS.c.state == literal_column(f"'{RoomState.SCHEDULED.value}'"),
            ROOMS.c.kind == literal_column(f"'{RoomKind.RECURRING.value}'"),
            ROOMS.c.deleted_at.is_(None),
            # Without a rule there is nothing to move on to.
            ROOMS.c.recurrence.is_not(None),
            # Whatever is over has begun.
            ROOMS.c.starts_at <= now,
            or_(
                ROOMS.c.ends_at <= now,
                and_(ROOMS.c.ends_at.is_(None), ROOMS.c.starts_at <= day_ago),
            ),
        )
        .order_by(ROOMS.c.starts_at)
        .limit(limit),
    )
