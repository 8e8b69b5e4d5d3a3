"""What was said in a room's chat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select

from infra.contract.ids import MessageId, ParticipantId, RoomId, TenantId
from infra.contract.views import ChatMessageView
from infra.db.tables import ChatMessage
from infra.db.upsert import insert_new

MESSAGES = ChatMessage.metadata.tables["chat_messages"]
_ROOMS = ChatMessage.metadata.tables["rooms"]


def _view(row: Row[Any]) -> ChatMessageView:
    return ChatMessageView(
        id=row.id,
        room_id=row.room_id,
        participant_id=row.participant_id,
        display_name=row.display_name,
        text="" if row.deleted_at else row.text,
        sent_at=row.sent_at,
        sender_id=row.sender_id,
        kind=row.kind,
        to=row.to,
        recipient_id=row.recipient_id,
        deleted_at=row.deleted_at,
        edited_at=row.edited_at,
    )


def _in(tenant_id: TenantId, room_id: RoomId) -> Select[Any]:
    return (
        select(MESSAGES)
        .join(_ROOMS, _ROOMS.c.id == MESSAGES.c.room_id)
        .where(MESSAGES.c.room_id == room_id, _ROOMS.c.tenant_id == tenant_id)
    )


def get(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, message_id: MessageId
) -> ChatMessageView | None:
    row = connection.execute(
        _in(tenant_id, room_id).where(MESSAGES.c.id == message_id)
    ).one_or_none()
    return _view(row) if row else None


def latest(
    connection: Connection,
    tenant_id: TenantId,
    room_id: RoomId,
    limit: int,
    before: MessageId | None = None,
) -> list[ChatMessageView]:
    """The last `limit` messages (before the one named), in the order they were sent: all of them,
    whoever they were meant for."""
    return _last(connection, _in(tenant_id, room_id), limit, before)


def visible(
    connection: Connection,
    tenant_id: TenantId,
    room_id: RoomId,
    reader: ParticipantId | None,
    leads: bool,
    limit: int,
    before: MessageId | None = None,
) -> list[ChatMessageView]:
    """As `latest`, of what this reader may see: what was said to all, what they said or was said
    to them, and, if they lead, what was said to the hosts. None: somebody without a seat."""
    mine: list[ColumnElement[bool]] = [MESSAGES.c.to == "all"]
    if leads:
        mine.append(MESSAGES.c.to == "host")
    if reader is not None:
        mine += [MESSAGES.c.participant_id == reader, MESSAGES.c.recipient_id == reader]
    return _last(connection, _in(tenant_id, room_id).where(or_(*mine)), limit, before)


def _last(
    connection: Connection, messages: Select[Any], limit: int, before: MessageId | None
) -> list[ChatMessageView]:
    if before is not None:
        messages = messages.where(MESSAGES.c.id < before)
    rows = connection.execute(messages.order_by(MESSAGES.c.id.desc()).limit(limit)).all()
    return [_view(row) for row in reversed(rows)]


def insert(connection: Connection, message: ChatMessageView) -> bool:
    """False when the id is taken."""
    return insert_new(connection, MESSAGES, **message.model_dump())
