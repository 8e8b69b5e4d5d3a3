"""Meetings, and coming to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ConfigDict, Field

from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.chroom.wire.fields import Minutes, Page, Title, UserId, Users, unset
from handlers.dialects.operation import Body, Shown
from handlers.operations.hosting import Hosted
from handlers.tokens import TokenPair
from infra.contract.commands import Joining
from infra.contract.views import RoomState, RoomView

Status = Literal["created", "live", "ended", "cancelled"]
STATUS: Mapping[RoomState, Status] = {
    RoomState.SCHEDULED: "created",
    RoomState.LIVE: "live",
    RoomState.ENDED: "ended",
    RoomState.CANCELLED: "cancelled",
}
STATE: Mapping[Status, RoomState] = {status: state for state, status in STATUS.items()}


class CreateMeeting(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Algebra",
                    "host": "teacher-7",
                    "participants": ["student-1", "student-2"],
                    "duration": 45,
                }
            ]
        }
    )

    title: Title
    host: UserId
    "Host ID: the account's own name for the user who leads the meeting."
    participants: Users = ()
    "IDs of the users who are invited."
    duration: Minutes = 60
    "In minutes."


class CreatedMeeting(Shown):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "meeting_id": "abc123",
                    "status": "created",
                    "start_url": "https://chroom/start/abc123",
                    "join_url": "https://chroom/join/abc123",
                }
            ]
        }
    )

    meeting_id: str
    status: Literal["created"] = "created"
    start_url: str
    "For the host alone: whoever opens it first is the host, and it opens once."
    join_url: str
    "For everybody else, until the meeting's planned end and a day more."

    @classmethod
    def of(cls, made: Hosted, base_url: str) -> CreatedMeeting:
        meeting_id = names.shown(fields.MEETING, made.room.id)
        return cls(
            meeting_id=meeting_id,
            start_url=f"{base_url}/start/{meeting_id}?code={made.start_code}",
            join_url=f"{base_url}/join/{meeting_id}?code={made.join_code}",
        )


class UpdateMeeting(Body):
    """Only what is sent changes."""

    title: Title = unset()
    participants: Users = unset()
    "Everybody who is invited from now on; who is not among them any more loses their seat."
    duration: Minutes = unset()

    @property
    def lasts(self) -> timedelta | None:
        return None if self.duration is None else timedelta(minutes=self.duration)


class MeetingsQuery(Page):
    status: Status | None = None


class Meeting(Shown):
    meeting_id: str
    title: str
    status: Status
    host: str | None
    "None: the account itself made it."
    duration: int | None
    "Planned, in minutes; None: nobody planned an end."
    participant_count: int
    "People who are there now."
    starts_at: datetime | None
    ends_at: datetime | None
    "When it is planned to end."
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, room: RoomView) -> Meeting:
        return cls(**_shown(room))


class MeetingInFull(Meeting):
    participants: list[str]
    "IDs of the users who are invited."

    @classmethod
    def with_people(cls, room: RoomView, invited: Sequence[str]) -> MeetingInFull:
        others = [user for user in invited if user != room.creator_id]
        return cls(**_shown(room), participants=others)


def _shown(room: RoomView) -> dict[str, object]:
    planned = room.ends_at - room.starts_at if room.starts_at and room.ends_at else None
    return {
        "meeting_id": names.shown(fields.MEETING, room.id),
        "title": room.name,
        "status": STATUS[room.state],
        "host": room.creator_id,
        "duration": fields.minutes(planned) if planned is not None else None,
        "participant_count": room.participant_count,
        "starts_at": room.starts_at,
        "ends_at": room.ends_at,
        "started_at": room.started_at,
        "ended_at": room.ended_at,
        "created_at": room.created_at,
        "updated_at": room.updated_at,
    }


class Meetings(Shown):
    items: list[Meeting]
    next_cursor: str | None
    "None: this was the last page."


class DeletedMeeting(Shown):
    meeting_id: str
    deleted: Literal[True] = True


class JoinMeeting(Body):
    user_id: UserId
    display_name: Title | None = None
    "Null: as the directory calls them, else by their id."


class JoinedMeeting(Shown):
    meeting_id: str
    participant_id: str
    user_id: str | None
    display_name: str
    role: Literal["host", "co_host", "presenter", "attendee"]
    waiting: bool
    "A host must let them in first: join again to see whether one did."
    socket_url: str
    "Where the access token opens a WebSocket, as the subprotocols `chalk, token.<access_token>`."
    page_url: str | None = None
    "Opens the meeting in a browser, with the access token in it."
    access_token: str | None = None
    "Null while waiting; so are the others below."
    refresh_token: str | None = None
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int | None = Field(default=None)
    "Seconds."

    @classmethod
    def of(cls, joined: Joining, tokens: TokenPair | None, base_url: str) -> JoinedMeeting:
        seat = joined.participant
        opened = (
            {
                "page_url": f"{base_url}/#/r/{joined.room.id}?token={tokens.access_token}",
                "access_token": tokens.access_token,
                "refresh_token": tokens.refresh_token,
                "expires_in": tokens.expires_in,
            }
            if tokens
            else {}
        )
        return cls(
            meeting_id=names.shown(fields.MEETING, joined.room.id),
            participant_id=names.shown(fields.PARTICIPANT, seat.id),
            user_id=seat.external_user_id,
            display_name=seat.display_name,
            role=seat.role.value,
            waiting=joined.waiting,
            socket_url=f"{base_url.replace('http', 'ws', 1)}/api/v1/ws",
            **opened,
        )
