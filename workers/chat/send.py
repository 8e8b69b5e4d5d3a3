"""Saying something in a room's chat."""

from __future__ import annotations

from infra.contract.commands import SendChat
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ChatMessageView, RoomState
from infra.db import chat, participants, rooms
from infra.db.work import Work
from workers.owners import owns
from workers.tools import Tools


@owns(SendChat)
def send_chat(command: SendChat, work: Work, tools: Tools) -> ChatMessageView:
    """Said once however often it is sent under one `message_id`."""
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    seat = participants.get(work.connection, room.tenant_id, room.id, command.participant_id)
    if seat is None:
        raise refuse(Reason.PARTICIPANT_UNKNOWN)
    if room.state is not RoomState.LIVE:
        raise refuse(Reason.ROOM_NOT_ACTIVE)
    if not room.config.chat_enabled:
        raise refuse(Reason.CHAT_DISABLED)

    message = ChatMessageView(
        id=command.message_id,
        room_id=room.id,
        participant_id=seat.id,
        display_name=seat.display_name,
        text=command.text,
        sent_at=work.now,
    )
    if chat.insert(work.connection, message):
        news = {"message": message.model_dump(mode="json")}
        work.event(room.id, room.tenant_id, "chat.message", news)
        return message
    said = chat.get(work.connection, room.tenant_id, room.id, command.message_id)
    if said is None or said.participant_id != seat.id:
        raise refuse(Reason.MALFORMED, "this message id is taken")
    return said
