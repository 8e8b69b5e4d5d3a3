"""Saying something in a room's chat."""

from __future__ import annotations

from infra.contract.commands import SendChat
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Admission, ChatMessageView, ParticipantView, RoomState
from infra.db import chat, participants, rooms
from infra.db.rooms import LockedRoom
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
    _require_inside(seat)
    if not seat.may(Permission.CHAT):
        raise refuse(Reason.NOT_ALLOWED, "a host took the chat from this participant")
    _require_recipient(command, work, room)

    message = ChatMessageView(
        id=command.message_id,
        room_id=room.id,
        participant_id=seat.id,
        display_name=seat.display_name,
        text=command.text,
        sent_at=work.now,
        sender_id=seat.external_user_id,
        kind=command.message_kind,
        to=command.to,
        recipient_id=command.recipient_id,
    )
    if chat.insert(work.connection, message):
        news = {"message": message.model_dump(mode="json")}
        work.event(room.id, room.tenant_id, "chat.message", news)
        return message
    said = chat.get(work.connection, room.tenant_id, room.id, command.message_id)
    if said is None or said.participant_id != seat.id:
        raise refuse(Reason.MALFORMED, "this message id is taken")
    return said


def _require_inside(seat: ParticipantView) -> None:
    """Refuses who was not let in."""
    if seat.admission is Admission.WAITING:
        raise refuse(Reason.AWAITING_ADMISSION)
    if seat.admission is Admission.DENIED:
        raise refuse(Reason.ADMISSION_DENIED)


def _require_recipient(command: SendChat, work: Work, room: LockedRoom) -> None:
    """A private message is for one seat of the room, any other for none in particular."""
    recipient = command.recipient_id
    if (command.to == "private") is (recipient is None):
        raise refuse(Reason.MALFORMED, "`recipient_id` is for private messages, and they need it")
    if recipient is not None and (
        recipient == command.participant_id
        or participants.get(work.connection, room.tenant_id, room.id, recipient) is None
    ):
        raise refuse(Reason.PARTICIPANT_UNKNOWN, "a private message is for another seat here")
