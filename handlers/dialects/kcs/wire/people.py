"""Who is in a meeting, or wants to be, and what they may do there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from handlers.dialects import names
from handlers.dialects.kcs.wire.fields import ParticipantId, RoleName, Sent, UserId
from handlers.dialects.kcs.wire.meetings import FullMeeting
from handlers.dialects.operation import Shown
from handlers.operations.meeting_people import Joined, Somebody, Whom
from infra.contract import ids
from infra.contract.permissions import Permission
from infra.contract.statistics import MediaStatus
from infra.contract.views import ParticipantView, Role, RoomConfig

Quality = Literal["poor", "fair", "good", "excellent"]
QUALITIES: Mapping[int, Quality] = {1: "poor", 2: "fair", 3: "good", 4: "excellent"}


def whom(people: Sequence[str]) -> list[Whom]:
    """Ids of participants in any form, or of users."""
    found = []
    for said in people:
        seat = names.read(said, "participant")
        found.append(Whom(said, ids.ParticipantId(seat) if seat else None))
    return found


# --- permissions, in both projections ---


class GivenPermissions(Shown):
    """What a host gives and takes."""

    can_share_screen: bool
    can_unmute_others: bool
    can_manage_participants: bool
    can_record: bool
    can_manage_breakout_rooms: bool

    @classmethod
    def of(cls, seat: ParticipantView) -> GivenPermissions:
        return cls(**{name: seat.may(permission) for name, permission in GIVEN.items()})


GIVEN: Mapping[str, Permission] = {
    "can_share_screen": Permission.SHARE_SCREEN,
    "can_unmute_others": Permission.UNMUTE_OTHERS,
    "can_manage_participants": Permission.MANAGE_PARTICIPANTS,
    "can_record": Permission.RECORD,
    "can_manage_breakout_rooms": Permission.MANAGE_BREAKOUT_ROOMS,
}


class Permissions(GivenPermissions):
    """What somebody can do in this meeting, which may go without some of it."""

    can_use_chat: bool
    can_use_whiteboard: bool
    is_moderator: bool
    is_host: bool

    @classmethod
    def in_(cls, config: RoomConfig, seat: ParticipantView) -> Permissions:
        given = {
            **dict(GivenPermissions.of(seat)),
            "can_use_chat": seat.may(Permission.CHAT),
            "can_use_whiteboard": seat.may(Permission.WHITEBOARD),
        }
        without = {
            "can_share_screen": config.screen_sharing_enabled,
            "can_record": config.recording_enabled,
            "can_manage_breakout_rooms": config.breakout_rooms_enabled,
            "can_use_chat": config.chat_enabled,
            "can_use_whiteboard": config.whiteboard_enabled,
        }
        return cls(
            **{name: may and without.get(name, True) for name, may in given.items()},
            is_moderator=seat.role.leads,
            is_host=seat.role is Role.HOST,
        )


# --- joining ---


class JoinedParticipant(Shown):
    id: ParticipantId
    user_id: str | None
    participant_name: str
    role: RoleName
    permissions: Permissions


class JoinedMeeting(Shown):
    """Where somebody got in, or that they wait for it."""

    meeting: FullMeeting
    participant: JoinedParticipant
    canJoin: bool
    "False: a host must let them in first; join again to learn how it went."
    waitingRoomEnabled: bool
    admission: Literal["admitted", "waiting"]
    access_token: str | None = None
    "Opens the socket, as this participant. None while they wait."
    refresh_token: str | None = None
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int | None = None
    "Seconds."

    @classmethod
    def of(cls, joined: Joined) -> JoinedMeeting:
        seat, config, tokens = joined.seat, joined.meeting.room.config, joined.tokens
        return cls(
            meeting=FullMeeting.of(joined.meeting),
            participant=JoinedParticipant(
                id=seat.id,
                user_id=seat.external_user_id,
                participant_name=seat.display_name,
                role=seat.role.value,
                permissions=Permissions.in_(config, seat),
            ),
            canJoin=tokens is not None,
            waitingRoomEnabled=config.waiting_room_enabled,
            admission="admitted" if tokens else "waiting",
            access_token=tokens.access_token if tokens else None,
            refresh_token=tokens.refresh_token if tokens else None,
            expires_in=tokens.expires_in if tokens else None,
        )


class Left(Shown):
    participant_id: ParticipantId
    left: Literal[True] = True


class Participant(Shown):
    id: ParticipantId
    user_id: str | None
    participant_name: str
    role: RoleName
    connection_status: Literal["connecting", "connected", "reconnecting", "disconnected"]
    connection_quality: Quality | None
    "None: not measured lately."
    joined_at: datetime | None
    "None: not yet."
    left_at: datetime | None
    media_status: MediaStatus
    permissions: Permissions

    @classmethod
    def of(cls, somebody: Somebody, config: RoomConfig) -> Participant:
        seat, link = somebody.seat, somebody.link
        if somebody.is_there:
            status = "connected"
        elif somebody.on_the_way:
            status = "connecting" if seat.joined_at is None else "reconnecting"
        else:
            status = "disconnected"
        return cls.model_validate(
            {
                "id": seat.id,
                "user_id": seat.external_user_id,
                "participant_name": seat.display_name,
                "role": seat.role.value,
                "connection_status": status,
                "connection_quality": QUALITIES[link.quality] if link and link.quality else None,
                "joined_at": seat.joined_at,
                "left_at": seat.left_at,
                "media_status": somebody.media,
                "permissions": Permissions.in_(config, seat),
            }
        )


# --- the waiting room ---


class Waiting(Shown):
    participant_id: ParticipantId
    user_id: str | None
    participant_name: str
    requested_at: datetime | None

    @classmethod
    def of(cls, seat: ParticipantView) -> Waiting:
        return cls(
            participant_id=seat.id,
            user_id=seat.external_user_id,
            participant_name=seat.display_name,
            requested_at=seat.asked_at,
        )


class Admit(Sent):
    participant_ids: list[UserId] | None = Field(default=None, min_length=1, max_length=500)
    "None: everybody who waits."


class Deny(Admit):
    reason: str | None = Field(default=None, max_length=500)


class Decided(Shown):
    decided_count: int
    participants: list[ParticipantId]

    @classmethod
    def of(cls, seats: Sequence[ParticipantView]) -> Decided:
        return cls(decided_count=len(seats), participants=[seat.id for seat in seats])
