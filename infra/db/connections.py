"""The connections through which people are in rooms: sockets, WHIP and WHEP sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId
from infra.contract.views import ParticipantView
from infra.db import tables
from infra.db.participants import PARTICIPANTS, seats_of, view
from infra.db.upsert import insert_new

CONNECTIONS = tables.Connection.metadata.tables["connections"]


def connect(
    connection: Connection, seat: ParticipantView, connection_id: ConnectionId, now: datetime
) -> bool:
    """Note that the seat's owner is there through this. False: it is another seat's."""
    made = insert_new(
        connection,
        CONNECTIONS,
        id=connection_id,
        participant_id=seat.id,
        room_id=seat.room_id,
        created_at=now,
    )
    if made:
        return True
    owner = connection.scalar(
        select(CONNECTIONS.c.participant_id).where(CONNECTIONS.c.id == connection_id)
    )
    return owner == seat.id


def disconnect(connection: Connection, seat: ParticipantView, connection_id: ConnectionId) -> bool:
    """False: there was no such connection of this seat."""
    gone = connection.execute(
        delete(CONNECTIONS).where(
            CONNECTIONS.c.id == connection_id, CONNECTIONS.c.participant_id == seat.id
        )
    )
    return gone.rowcount == 1


def disconnect_all(connection: Connection, seat: ParticipantView) -> None:
    connection.execute(delete(CONNECTIONS).where(CONNECTIONS.c.participant_id == seat.id))


def disconnect_room(connection: Connection, room_id: RoomId) -> None:
    connection.execute(delete(CONNECTIONS).where(CONNECTIONS.c.room_id == room_id))


def is_connected(connection: Connection, seat: ParticipantView) -> bool:
    found = connection.execute(
        select(CONNECTIONS.c.id).where(CONNECTIONS.c.participant_id == seat.id).limit(1)
    )
    return found.first() is not None


def seat_through(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, connection_id: ConnectionId
) -> ParticipantView | None:
    """The seat whose owner is there through this connection."""
    row = connection.execute(
        seats_of(tenant_id, room_id)
        .join(CONNECTIONS, CONNECTIONS.c.participant_id == PARTICIPANTS.c.id)
        .where(CONNECTIONS.c.id == connection_id)
    ).one_or_none()
    return view(row) if row else None


def connected_before(
    connection: Connection, before: datetime
) -> list[tuple[TenantId, RoomId, ParticipantId, ConnectionId]]:
    """Every connection older than `before`, over all tenants: what the presence sweep checks."""
    rows = connection.execute(
        select(
            PARTICIPANTS.c.tenant_id,
            CONNECTIONS.c.room_id,
            CONNECTIONS.c.participant_id,
            CONNECTIONS.c.id,
        )
        .join(PARTICIPANTS, PARTICIPANTS.c.id == CONNECTIONS.c.participant_id)
        .where(CONNECTIONS.c.created_at < before)
        .order_by(CONNECTIONS.c.room_id, CONNECTIONS.c.id)
    )
    return [
        (TenantId(row[0]), RoomId(row[1]), ParticipantId(row[2]), ConnectionId(row[3]))
        for row in rows
    ]
