"""What a client may ask of the room: chat, hands, recordings, and what it missed."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AliasChoices, Field, model_validator

from handlers.socket.requests import Body, Desk, carries
from handlers.socket.wire import Said, event, shown, waiting
from infra.contract.commands import DecideAdmission, SendChat, StartRecording, StopRecording
from infra.contract.events import HandChanged, Reacted
from infra.contract.ids import MessageId, ParticipantId, RecordingId, command_id_for, new_id
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason, refuse
from infra.db import chat, events, participants

SYNC_LIMIT = 1000
"Events replayed at most; a client that missed more is given the room as it stands."


class Nothing(Body):
    pass


class ChatBody(Body):
    text: str = Field(
        min_length=1, max_length=4000, validation_alias=AliasChoices("text", "message")
    )
    type: Literal["text", "file", "poll", "announcement"] = "text"
    to: Literal["all", "private", "host"] = "all"
    recipient_id: ParticipantId | None = None
    "Of a private message."
    key: UUID | None = None
    "Chosen by the client: sending again under the same one says it once."


@carries("chat.send", ChatBody)
async def send_chat(desk: Desk, body: ChatBody) -> Said:
    guest = desk.guest
    route = f"chat/{guest.room_id}/{guest.participant_id}"
    message = await desk.here.bus.ask(
        SendChat(
            tenant_id=guest.tenant_id,
            room_id=guest.room_id,
            message_id=MessageId(new_id()),
            participant_id=guest.participant_id,
            text=body.text,
            message_kind=body.type,
            to=body.to,
            recipient_id=body.recipient_id,
        ),
        command_id=command_id_for(str(guest.tenant_id), route, str(body.key)) if body.key else None,
    )
    return "chat.sent", {"message": shown(message)}


class HistoryBody(Body):
    limit: int = Field(default=100, ge=1, le=500)
    before: MessageId | None = None
    "Only messages older than this one."


@carries("chat.history", HistoryBody)
async def chat_history(desk: Desk, body: HistoryBody) -> Said:
    """The last messages, oldest first."""
    messages = await desk.here.reader.read(
        chat.visible,
        desk.guest.tenant_id,
        desk.guest.room_id,
        desk.you.id,
        desk.leads,
        body.limit,
        body.before,
    )
    return "chat.history", {"messages": [shown(message) for message in messages]}


class SyncBody(Body):
    last_seq: int = Field(ge=0, lt=2**63)


@carries("room.sync", SyncBody)
async def sync(desk: Desk, body: SyncBody) -> Said | None:
    """What happened since `last_seq`; the whole room when that is too much."""
    missed = await desk.here.reader.read(
        events.since,
        desk.guest.tenant_id,
        desk.guest.room_id,
        body.last_seq,
        limit=SYNC_LIMIT + 1,
    )
    if len(missed) > SYNC_LIMIT:
        await desk.show_room()
        return None
    for news in missed:
        seen = desk.reader.see(news)
        if seen is not None:
            desk.say(event(seen))
    last = missed[-1].seq if missed else body.last_seq
    return "room.synced", {"last_seq": last}


@carries("hand.raise", Nothing)
async def raise_hand(desk: Desk, _: Nothing) -> None:
    if not desk.config.hand_raise_enabled:
        raise refuse(Reason.FEATURE_DISABLED, "hand_raise")
    await change_hand(desk, raised=True)


@carries("hand.lower", Nothing)
async def lower_hand(desk: Desk, _: Nothing) -> None:
    await change_hand(desk, raised=False)


async def change_hand(desk: Desk, *, raised: bool) -> None:
    desk.hand_raised = raised
    await desk.here.feed.signal(
        desk.guest.room_id,
        HandChanged(
            room_id=desk.guest.room_id, participant_id=desk.guest.participant_id, raised=raised
        ),
    )


class ReactionBody(Body):
    reaction: str = Field(
        min_length=1, max_length=32, validation_alias=AliasChoices("reaction", "emoji")
    )


@carries("reaction.send", ReactionBody)
async def react(desk: Desk, body: ReactionBody) -> None:
    await desk.here.feed.signal(
        desk.guest.room_id,
        Reacted(
            room_id=desk.guest.room_id,
            participant_id=desk.guest.participant_id,
            reaction=body.reaction,
        ),
    )


@carries("recording.start", Nothing)
async def start_recording(desk: Desk, _: Nothing) -> Said:
    desk.require(Permission.RECORD)
    recording = await desk.here.bus.ask(
        StartRecording(
            tenant_id=desk.guest.tenant_id,
            room_id=desk.guest.room_id,
            recording_id=RecordingId(new_id()),
        )
    )
    return "recording.accepted", {"recording_id": str(recording.id), "status": recording.state}


@carries("recording.stop", Nothing)
async def stop_recording(desk: Desk, _: Nothing) -> Said:
    desk.require(Permission.RECORD)
    recording = await desk.here.bus.ask(
        StopRecording(tenant_id=desk.guest.tenant_id, room_id=desk.guest.room_id)
    )
    return "recording.accepted", {"recording_id": str(recording.id), "status": recording.state}


@carries("waiting.list", Nothing)
async def list_waiting(desk: Desk, _: Nothing) -> Said:
    """Who waits to be let in, in the order they asked."""
    desk.require_host()
    seats = await desk.here.reader.read(
        participants.waiting, desk.guest.tenant_id, desk.guest.room_id
    )
    return "waiting.list", {"participants": [waiting(seat) for seat in seats]}


class DecisionBody(Body):
    admit: bool
    participant_ids: tuple[ParticipantId, ...] | None = Field(default=None, max_length=500)
    all: bool = False
    "Everybody who waits now, instead of naming them."
    reason: str | None = Field(default=None, max_length=500)

    @model_validator(mode="after")
    def _names_somebody(self) -> DecisionBody:
        if self.all is (self.participant_ids is not None):
            raise ValueError("either `participant_ids` or `all`")
        return self


@carries("admission.decide", DecisionBody)
async def decide_admission(desk: Desk, body: DecisionBody) -> None:
    """`participant.admitted` or `participant.denied` tells each of them, and the other hosts."""
    desk.require_host()
    await desk.here.bus.ask(
        DecideAdmission(
            tenant_id=desk.guest.tenant_id,
            room_id=desk.guest.room_id,
            participant_ids=body.participant_ids,
            admit=body.admit,
            reason=body.reason,
        )
    )
    desk.here.standing.forget()


@carries("ping", Nothing)
async def ping(desk: Desk, _: Nothing) -> Said:
    return "pong", {"at": desk.here.now().isoformat()}
