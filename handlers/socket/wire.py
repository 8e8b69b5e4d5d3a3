"""What socket frames hold, by Chalk's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handlers.dialects.chalk.wire.rooms import Participant, Room
from handlers.operations.ice import IceServer
from infra.contract.events import (
    Arrived,
    ConnectionChanged,
    HandChanged,
    Reacted,
    RoomEvent,
    RoomMoved,
    Signal,
    SlotsChanged,
    TracksChanged,
)
from infra.contract.ids import ConnectionId, ParticipantId, RecordingId
from infra.contract.live import Slot
from infra.contract.messages import Message
from infra.contract.refusals import Refusal
from infra.contract.views import ParticipantView, RoomView, TrackView

Data = dict[str, Any]
Said = tuple[str, Data]
"An event's name and its data."


def shown(message: Message) -> Data:
    return message.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Scene:
    """A room as somebody finds it."""

    room: RoomView
    participants: Sequence[ParticipantView]
    tracks: Sequence[TrackView]
    recording_id: RecordingId | None


def snapshot(scene: Scene, you: ParticipantView, ice_servers: list[IceServer]) -> Said:
    return "room.snapshot", {
        "room_id": str(scene.room.id),
        "room": {
            "id": str(scene.room.id),
            "name": scene.room.name,
            "config": shown(scene.room.config),
        },
        "participants": [participant(seat) for seat in scene.participants],
        "tracks": [shown(track) for track in scene.tracks],
        "is_recording": scene.recording_id is not None,
        "recording_id": str(scene.recording_id) if scene.recording_id else None,
        "last_seq": scene.room.seq,
        "you": participant(you),
        "ice_servers": ice_servers,
    }


def participant(seat: ParticipantView) -> Data:
    return Participant.of(seat).model_dump(mode="json")


def waiting(seat: ParticipantView) -> Data:
    """Somebody at the door, for hosts."""
    asked_at = seat.asked_at.isoformat() if seat.asked_at else None
    return {**participant(seat), "email": seat.email, "asked_at": asked_at}


def event(news: RoomEvent) -> Said:
    data = {**news.data, "seq": news.seq, "at": news.at.isoformat()}
    if "participant" in data:
        data["participant"] = participant(ParticipantView.model_validate(data["participant"]))
    if "room" in data:
        data["room"] = Room.of(RoomView.model_validate(data["room"])).model_dump(mode="json")
    return news.kind, data


def signal(news: Signal, reader: ParticipantId) -> Said | None:
    """None: not for this participant's eyes."""
    match news:
        case TracksChanged():
            return "media.tracks", {"tracks": [shown(track) for track in news.tracks]}
        case SlotsChanged():
            if news.participant_id != reader:
                return None
            return "media.slots", slots(news.connection_id, news.slots)
        case ConnectionChanged():
            if news.participant_id != reader:
                return None
            return "media.connection", {
                "connection_id": str(news.connection_id),
                "state": news.state,
            }
        case RoomMoved():
            return "media.moved", {"epoch": news.epoch}
        case HandChanged():
            name = "hand.raised" if news.raised else "hand.lowered"
            return name, {"participant_id": str(news.participant_id)}
        case Reacted():
            return "reaction", {
                "participant_id": str(news.participant_id),
                "reaction": news.reaction,
            }
        case Arrived():
            return None


def slots(connection: ConnectionId, playing: Sequence[Slot]) -> Data:
    return {"connection_id": str(connection), "slots": [shown(slot) for slot in playing]}


def error(refusal: Refusal, message: str, id: str | int | None = None) -> Said:
    data: Data = {"code": refusal.reason.name, "message": message}
    if refusal.retry_after_s is not None:
        data["retry_after_s"] = refusal.retry_after_s
    if id is not None:
        data["id"] = id
    return "error", data
