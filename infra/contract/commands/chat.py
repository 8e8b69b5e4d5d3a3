"""The chat of a room."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infra.contract.ids import MessageId, ParticipantId, RoomId, TenantId
from infra.contract.messages import Command
from infra.contract.views import ChatMessageView


class SendChat(Command[ChatMessageView]):
    """Refuses where chat is off, and for who was not given the permission."""

    kind: Literal["chat.send"] = "chat.send"
    tenant_id: TenantId
    room_id: RoomId
    message_id: MessageId
    participant_id: ParticipantId
    text: str = Field(min_length=1, max_length=4000)
    message_kind: Literal["text", "file", "poll", "announcement"] = "text"
    to: Literal["all", "private", "host"] = "all"
    recipient_id: ParticipantId | None = None
    "Of a private message: another seat of the room."
