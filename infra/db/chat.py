"""What was said in a room's chat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from infra.contract.ids import MessageId, RoomId, TenantId
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
        text=row.text,
        sent_at=row.sent_at,
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
    """The last `limit` messages (before the one named), in the order they were sent."""
    messages = _in(tenant_id, room_id)
    if before is not None:
        messages = messages.where(MESSAGES.c.id < before)
    rows = connection.execute(messages.order_by(MESSAGES.c.id.desc()).limit(limit)).all()
    return [_view(row) for row in reversed(rows)]


def insert(connection: Connection, message: ChatMessageView) -> bool:
    """False when the id is taken."""
    return insert_new(connection, MESSAGES, **message.model_dump())
