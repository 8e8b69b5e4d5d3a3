"""Rooms: made, planned, started, ended, and held by pods."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from infra.contract.ids import ParticipantId, PodId, RoomId, TenantId
from infra.contract.messages import Command, Done, Message, Placement, Reply
from infra.contract.views import Role, RoomConfig, RoomKind, RoomView


class Invitee(Message):
    """Somebody to be asked to a room: by the tenant's name for them, by e-mail, or by both."""

    participant_id: ParticipantId
    "Of the seat kept for them, unless they have one."
    user_id: str | None = Field(default=None, min_length=1, max_length=200)
    email: str | None = Field(default=None, min_length=3, max_length=254)
    name: str | None = Field(default=None, min_length=1, max_length=200)
    phone: str | None = Field(default=None, min_length=1, max_length=40)
    role: Role = Role.ATTENDEE


class CreateRoom(Command[RoomView]):
    """Make a room. An instant one is live at once, and refused past `max_concurrent_rooms`; others
    are scheduled until somebody starts them. Refuses BAD_TIMES and BAD_RECURRENCE."""

    kind: Literal["room.create"] = "room.create"
    room_id: RoomId
    tenant_id: TenantId
    name: str | None = Field(default=None, min_length=1, max_length=200)
    "None: the room is named after its id."
    config: RoomConfig = RoomConfig()
    metadata: dict[str, Any] = Field(default_factory=dict)
    room_kind: RoomKind = RoomKind.INSTANT
    creator_id: str | None = Field(default=None, min_length=1, max_length=200)
    creator_name: str | None = Field(default=None, min_length=1, max_length=200)
    creator_seat: ParticipantId | None = None
    "With it, and a `creator_id`, the creator has a seat as host."
    description: str | None = Field(default=None, max_length=10_000)
    location: str | None = Field(default=None, max_length=500)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    recurrence: str | None = Field(default=None, min_length=1, max_length=500)
    "RRULE; needs `starts_at`."
    invitees: tuple[Invitee, ...] = Field(default=(), max_length=10_000)

    @property
    def touches(self) -> None:
        """Nobody has seen it yet."""


class UpdateRoom(Command[RoomView]):
    """Only the fields that were set change."""

    kind: Literal["room.update"] = "room.update"
    tenant_id: TenantId
    room_id: RoomId
    name: str | None = Field(default=None, min_length=1, max_length=200)
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    description: str | None = Field(default=None, max_length=10_000)
    location: str | None = Field(default=None, max_length=500)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    recurrence: str | None = Field(default=None, min_length=1, max_length=500)
    is_active: bool | None = None
    invitees: tuple[Invitee, ...] | None = Field(default=None, max_length=10_000)
    "Everybody who is to be invited, by `user_id`: others lose their seat, the creator never does."
    if_version: int | None = None
    "Refuses PRECONDITION_FAILED when the room has changed since it had this version."


class StartRoom(Command[RoomView]):
    """Make a scheduled room live. Refuses ROOM_NOT_SCHEDULED for any other."""

    kind: Literal["room.start"] = "room.start"
    tenant_id: TenantId
    room_id: RoomId


class CancelRoom(Command[RoomView]):
    """Call a scheduled room off, all of a series. Who was invited is told."""

    kind: Literal["room.cancel"] = "room.cancel"
    tenant_id: TenantId
    room_id: RoomId


class EndRoom(Command[RoomView]):
    """End the room for everybody: recordings stop, connections close. An ended room refuses.

    Replies with the room as it ended; a series is scheduled for its next occurrence right after.
    """

    kind: Literal["room.end"] = "room.end"
    tenant_id: TenantId
    room_id: RoomId


class RoomDeleted(Reply):
    room_id: RoomId
    at: datetime


class DeleteRoom(Command[RoomDeleted]):
    """End the room if it is live, call it off if it is scheduled, then hide it. Its recordings
    stay until they are deleted."""

    kind: Literal["room.delete"] = "room.delete"
    tenant_id: TenantId
    room_id: RoomId
    if_version: int | None = None


class PlaceRoom(Command[Placement]):
    """Give the room to a live pod, unless it is held by one. Bumps the epoch when it moves."""

    kind: Literal["room.place"] = "room.place"
    tenant_id: TenantId
    room_id: RoomId


class ClaimRoom(Command[Done]):
    """A pod asks what it should do for a room; the answer comes as `HoldRoom` or `DropRoom`."""

    kind: Literal["room.claim"] = "room.claim"
    room_id: RoomId
    pod_id: PodId
    epoch: int
