"""Rooms' logs, read. They are written by `Work.event`."""

from __future__ import annotations

from sqlalchemy import Connection, select

from infra.contract.events import RoomEvent
from infra.contract.ids import RoomId, TenantId
from infra.db.tables import RoomLogEntry

EVENTS = RoomLogEntry.metadata.tables["room_events"]


def since(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, after_seq: int, limit: int = 1000
) -> list[RoomEvent]:
    """The room's log after `after_seq`, in order, without gaps."""
    rows = connection.execute(
        select(EVENTS)
        .where(
            EVENTS.c.room_id == room_id,
            EVENTS.c.tenant_id == tenant_id,
            EVENTS.c.seq > after_seq,
        )
        .order_by(EVENTS.c.seq)
        .limit(limit)
    )
    return [
        RoomEvent(
            room_id=row.room_id,
            tenant_id=row.tenant_id,
            seq=row.seq,
            kind=row.kind,
            at=row.at,
            data=row.data,
        )
        for row in rows
    ]
