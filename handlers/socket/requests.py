"""What a client may ask on its socket: one function a request, found by the frame's event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from handlers.context import Context
from handlers.operations import media
from handlers.socket.admission import Guest
from handlers.socket.wire import Said, event, shown, slots
from infra.contract.commands import SendChat, StartRecording, StopRecording
from infra.contract.events import HandChanged, Reacted
from infra.contract.ids import (
    ConnectionId,
    MessageId,
    ParticipantId,
    RecordingId,
    TrackId,
    command_id_for,
    new_id,
)
from infra.contract.live import (
    SDP_LIMIT,
    AddCandidate,
    CloseConnection,
    MuteTrack,
    PauseSlot,
    Publish,
    Subscribe,
    TrackOffer,
)
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role
from infra.db import chat, events

SYNC_LIMIT = 1000
"Events replayed at most; a client that missed more is given the room as it stands."
Lane = Literal["media", "room"]
"Requests of one lane are carried out in the order they came; a slow one does not hold the other."


@dataclass
class Desk:
    """What a request may reach: the client it came from, and the answer on its way there."""

    here: Context
    guest: Guest
    role: Role
    say: Callable[[Said], None]
    show_room: Callable[[], Awaitable[None]]
    "Send the room as it stands now."
    media: set[ConnectionId] = field(default_factory=set)
    "Connections negotiated on this socket."
    hand_raised: bool = False

    @property
    def leads(self) -> bool:
        return self.role in (Role.HOST, Role.CO_HOST)

    def require_host(self) -> None:
        if not self.leads:
            raise refuse(Reason.HOST_ONLY)


class Body(BaseModel):
    """Data of a request. Fields we do not know are a newer client's, and do no harm."""

    model_config = ConfigDict(frozen=True, extra="ignore")


B = TypeVar("B", bound=Body)
Carry = Callable[[Desk, Any], Awaitable[Said | None]]


@dataclass(frozen=True, slots=True)
class Request:
    body: type[Body]
    carry: Carry
    lane: Lane


REQUESTS: dict[str, Request] = {}


def carries(
    name: str, body: type[B], lane: Lane = "room"
) -> Callable[
    [Callable[[Desk, B], Awaitable[Said | None]]], Callable[[Desk, B], Awaitable[Said | None]]
]:
    """The function is what `name` does. It answers with an event, or None: done."""

    def enter(
        function: Callable[[Desk, B], Awaitable[Said | None]],
    ) -> Callable[[Desk, B], Awaitable[Said | None]]:
        REQUESTS[name] = Request(body, function, lane)
        return function

    return enter


class Nothing(Body):
    pass


# --- media ---


class PublishBody(Body):
    offer: str = Field(min_length=1, max_length=SDP_LIMIT)
    tracks: tuple[TrackOffer, ...] = Field(default=(), max_length=64)
    connection_id: ConnectionId | None = None
    replace: bool = True
    "What the participant published before gives way: a page that came back need not wait for it."


@carries("media.publish", PublishBody, lane="media")
async def publish(desk: Desk, body: PublishBody) -> Said:
    connection = body.connection_id or ConnectionId(new_id())
    published = await media.order(
        desk.here,
        desk.guest.tenant_id,
        desk.guest.room_id,
        lambda at: Publish(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=connection,
            offer=body.offer,
            tracks=body.tracks,
            replace=body.replace,
        ),
    )
    desk.media.add(connection)
    return "media.published", {
        "connection_id": str(connection),
        "answer": published.answer,
        "tracks": [shown(track) for track in published.tracks],
    }


class SubscribeBody(Body):
    offer: str = Field(min_length=1, max_length=SDP_LIMIT)
    want: tuple[TrackId, ...] | None = Field(default=None, max_length=512)
    feeds: tuple[ParticipantId, ...] | None = Field(default=None, max_length=512)
    connection_id: ConnectionId | None = None


@carries("media.subscribe", SubscribeBody, lane="media")
async def subscribe(desk: Desk, body: SubscribeBody) -> Said:
    connection = body.connection_id or ConnectionId(new_id())
    subscribed = await media.order(
        desk.here,
        desk.guest.tenant_id,
        desk.guest.room_id,
        lambda at: Subscribe(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=connection,
            offer=body.offer,
            want=body.want,
            feeds=body.feeds,
        ),
    )
    desk.media.add(connection)
    return "media.subscribed", {
        "answer": subscribed.answer,
        **slots(connection, subscribed.slots),
    }


class CandidateBody(Body):
    connection_id: ConnectionId
    candidate: str | None = Field(default=None, max_length=1024)
    mid: str | None = Field(
        default=None, max_length=16, validation_alias=AliasChoices("mid", "sdpMid")
    )


@carries("media.candidate", CandidateBody, lane="media")
async def add_candidate(desk: Desk, body: CandidateBody) -> None:
    await media.order(
        desk.here,
        desk.guest.tenant_id,
        desk.guest.room_id,
        lambda at: AddCandidate(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=body.connection_id,
            candidate=body.candidate or None,
            mid=body.mid,
        ),
    )


class ConnectionBody(Body):
    connection_id: ConnectionId


@carries("media.close", ConnectionBody, lane="media")
async def close(desk: Desk, body: ConnectionBody) -> None:
    await close_media(desk, body.connection_id)


async def close_media(desk: Desk, connection: ConnectionId) -> None:
    desk.media.discard(connection)
    await media.order(
        desk.here,
        desk.guest.tenant_id,
        desk.guest.room_id,
        lambda at: CloseConnection(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=connection,
        ),
    )


class MuteBody(Body):
    track_id: TrackId
    muted: bool = True


@carries("media.mute", MuteBody, lane="media")
async def mute(desk: Desk, body: MuteBody) -> None:
    """One's own track either way; a host may mute others, and only they themselves unmute."""
    tracks = await desk.here.live.tracks(desk.guest.room_id)
    owner = next((t.participant_id for t in tracks if t.track_id == body.track_id), None)
    if owner is None:
        raise refuse(Reason.TRACK_UNKNOWN)
    if owner != desk.guest.participant_id:
        desk.require_host()
        if not body.muted:
            raise refuse(Reason.NOT_ALLOWED, "only its owner unmutes a track")
    await media.order(
        desk.here,
        desk.guest.tenant_id,
        desk.guest.room_id,
        lambda at: MuteTrack(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=owner,
            track_id=body.track_id,
            muted=body.muted,
        ),
    )


class PauseBody(Body):
    connection_id: ConnectionId
    mid: str = Field(min_length=1, max_length=16)
    paused: bool = True


@carries("media.pause", PauseBody, lane="media")
async def pause(desk: Desk, body: PauseBody) -> None:
    await media.order(
        desk.here,
        desk.guest.tenant_id,
        desk.guest.room_id,
        lambda at: PauseSlot(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=body.connection_id,
            mid=body.mid,
            paused=body.paused,
        ),
    )


# --- the room ---


class ChatBody(Body):
    text: str = Field(
        min_length=1, max_length=4000, validation_alias=AliasChoices("text", "message")
    )
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
        chat.latest, desk.guest.tenant_id, desk.guest.room_id, body.limit, body.before
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
        desk.say(event(news))
    last = missed[-1].seq if missed else body.last_seq
    return "room.synced", {"last_seq": last}


@carries("hand.raise", Nothing)
async def raise_hand(desk: Desk, _: Nothing) -> None:
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
    desk.require_host()
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
    desk.require_host()
    recording = await desk.here.bus.ask(
        StopRecording(tenant_id=desk.guest.tenant_id, room_id=desk.guest.room_id)
    )
    return "recording.accepted", {"recording_id": str(recording.id), "status": recording.state}


@carries("ping", Nothing)
async def ping(desk: Desk, _: Nothing) -> Said:
    return "pong", {"at": desk.here.now().isoformat()}
