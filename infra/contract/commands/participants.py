"""Seats: given out, asked for, granted and taken away; and who is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from infra.contract.commands.actor import NAME
from infra.contract.commands.rooms import Invitee
from infra.contract.ids import ConnectionId, ParticipantId, RecordingId, RoomId, TenantId
from infra.contract.messages import Command, Done, Message, Reply
from infra.contract.permissions import Granted
from infra.contract.views import ParticipantView, Role, RoomView, TenantConfig


class Seat(Message):
    """Somebody to be let in."""

    participant_id: ParticipantId
    display_name: str = NAME
    external_user_id: str | None = Field(default=None, min_length=1, max_length=200)
    role: Role | None = None
    "None: presenter, or host when the tenant's `first_participant_is_host` says so."


class Seated(Reply):
    participant: ParticipantView
    room: RoomView
    room_created: bool
    config: TenantConfig
    should_start_recording: bool
    decided_at: datetime | None = None
    "Also when it is said again to a retry; None: an owner of before said it."


class AddParticipant(Command[Seated]):
    """Give out a seat. `room` is an id or a name; see `TenantConfig.allow_early_join`.

    Where people wait to be let in the seat opens nothing yet: its `admission` says so. Refuses,
    for a seat nobody vouches for, NOT_A_MEMBER and ADMISSION_DENIED.
    """

    kind: Literal["participant.add"] = "participant.add"
    tenant_id: TenantId
    room: str = Field(min_length=1, max_length=200)
    room_id_if_new: RoomId
    seat: Seat
    may_make_room: bool = True
    vouched: bool = True
    "A host or the tenant itself gives it, which is an invitation. False: its owner asks for it."
    reuse_seat: bool = False
    "WHIP and WHEP: one `external_user_id` is one seat, found again rather than refused."


class SeatResult(Message):
    seat: Seat
    seated: Seated | None = None
    refusal: dict[str, Any] | None = None


class SeatedAll(Reply):
    results: tuple[SeatResult, ...]


class AddParticipants(Command[SeatedAll]):
    """Each seat succeeds or is refused by itself."""

    kind: Literal["participant.add_many"] = "participant.add_many"
    tenant_id: TenantId
    room: str = Field(min_length=1, max_length=200)
    room_id_if_new: RoomId
    seats: tuple[Seat, ...] = Field(min_length=1, max_length=500)


class UpdateParticipant(Command[ParticipantView]):
    kind: Literal["participant.update"] = "participant.update"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    display_name: str | None = Field(default=None, min_length=1, max_length=200)
    role: Role | None = None
    granted: Granted | None = None
    "Merged over what was granted before; a new role without it forgets what was."
    notify_participant: bool = True
    notify_others: bool = True
    "Whether those in the room besides its hosts are told."
    if_match: str | None = None
    "The entity tag last seen; refuses PRECONDITION_FAILED when it has changed since."


class RemoveParticipant(Command[Done]):
    """Take the seat away: connections close, tokens of the seat stop working."""

    kind: Literal["participant.remove"] = "participant.remove"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    if_match: str | None = None
    "The entity tag last seen; refuses PRECONDITION_FAILED when it has changed since."


class Entered(Reply):
    """The room as somebody finds it on entering."""

    room: RoomView
    participant: ParticipantView
    participants: tuple[ParticipantView, ...]
    "Everybody in the room now, the newcomer included."
    recording_id: RecordingId | None


class EnterRoom(Command[Entered]):
    """A seat's owner is here, on this connection. Entering again with it changes nothing.

    Refuses who must be let in first: AWAITING_ADMISSION, ADMISSION_DENIED.
    """

    kind: Literal["participant.enter"] = "participant.enter"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId


class AskAdmission(Command[Done]):
    """The owner of a seat waits to be let in. Changes nothing for who need not or does already."""

    kind: Literal["participant.ask"] = "participant.ask"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId


class LeaveRoom(Command[Done]):
    """This connection is gone. The participant has left when their last one is."""

    kind: Literal["participant.leave"] = "participant.leave"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId


# --- meetings people are asked to ---


class Invited(Reply):
    participants: tuple[ParticipantView, ...]
    "Those asked, in the order given; who had a seat already has it still."
    added: int
    "How many had none."


class InviteParticipants(Command[Invited]):
    """Keep seats for people. Known e-mail addresses are found in the tenant's directory."""

    kind: Literal["participant.invite"] = "participant.invite"
    tenant_id: TenantId
    room_id: RoomId
    invitees: tuple[Invitee, ...] = Field(min_length=1, max_length=500)
    send_invitation: bool = False
    "By e-mail, with the meeting as an iCalendar file, to those whose address is known."
    message: str | None = Field(default=None, max_length=500)
    notify_existing: bool = False
    "Those already in the room are told by an event of its own besides `participant.updated`."


class Joining(Reply):
    """How far somebody got who wanted in."""

    participant: ParticipantView
    room: RoomView
    waiting: bool
    "True: a host must let them in first; the seat opens nothing until then."
    decided_at: datetime | None = None
    "Also when it is said again to a retry; None: an owner of before said it."


class InviteMade(Reply):
    room_id: RoomId
    at: datetime
    "From when on it is good: also when it is said again to a retry."


class MakeInvite(Command[InviteMade]):
    """Note that an invitation to the room is given out. It is made of the answer, so that a retry
    is given the same one. Refuses ROOM_UNKNOWN."""

    kind: Literal["invite.make"] = "invite.make"
    tenant_id: TenantId
    room_id: RoomId
    role: str = Field(min_length=1, max_length=40)
    lives_s: int = Field(ge=1)
    "Seconds it is good for."


class OneUse(Message):
    """A code that may be used by one command only."""

    jti: UUID
    expires_at: datetime


class JoinRoom(Command[Joining]):
    """Give one of the tenant's users their seat in a meeting, or have them wait for it.

    A host's coming starts a scheduled room; anybody's does where the tenant's `allow_early_join`
    says so. Refuses: ROOM_UNKNOWN, ROOM_OVER (ended or cancelled), ROOM_NOT_STARTED, NOT_A_MEMBER,
    ADMISSION_DENIED, ROOM_FULL. Asked again it answers how things stand now.
    """

    kind: Literal["participant.join"] = "participant.join"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    "Of the seat, if they have none."
    user_id: str = NAME
    display_name: str | None = Field(default=None, min_length=1, max_length=200)
    "None: as the directory calls them, else by `user_id`."
    email: str | None = Field(default=None, min_length=3, max_length=254)
    "One they are known to have: an invitation to it is theirs."
    leads: bool = False
    "The tenant itself, or a code that makes them host: they are let in, as host."
    code: OneUse | None = None
    "What they came by. Refuses BAD_CREDENTIALS when another command has used it."


class DecideAdmission(Command[Done]):
    """Let people in who wait, or turn them away. Each is decided once; the last word counts."""

    kind: Literal["participant.decide"] = "participant.decide"
    tenant_id: TenantId
    room_id: RoomId
    participant_ids: tuple[ParticipantId, ...] | None = Field(default=None, max_length=10_000)
    "None: everybody who waits now."
    admit: bool
    reason: str | None = Field(default=None, max_length=500)


class Removed(Reply):
    participants: tuple[ParticipantView, ...]


class RemoveParticipants(Command[Removed]):
    """As `RemoveParticipant`, for several; those who have no seat are passed over."""

    kind: Literal["participant.remove_many"] = "participant.remove_many"
    tenant_id: TenantId
    room_id: RoomId
    participant_ids: tuple[ParticipantId, ...] = Field(min_length=1, max_length=500)
    notify_removed: bool = True
    notify_existing: bool = True
    reason: str | None = Field(default=None, max_length=500)


class LeaveSeat(Command[Done]):
    """Somebody leaves by all their connections, of their own will. Their seat stays theirs."""

    kind: Literal["participant.leave_seat"] = "participant.leave_seat"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
