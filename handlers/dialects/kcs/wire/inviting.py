"""People asked to a meeting, taken out of it, given a role, and found to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from handlers.dialects.kcs.wire.fields import ParticipantId, RoleName, Sent, UserId, unset
from handlers.dialects.kcs.wire.people import GIVEN, GivenPermissions
from handlers.dialects.lines import EMAIL
from handlers.dialects.operation import Query, Shown
from infra.contract import ids
from infra.contract.commands import Invitee, PeopleFound
from infra.contract.ids import new_id
from infra.contract.permissions import Granted
from infra.contract.views import Invitation, ParticipantView, Role

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=EMAIL)]


class Guest(Sent):
    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["user_id"]}, {"required": ["email"]}]}
    )

    user_id: UserId = unset()
    email: Email = unset()
    name: str | None = Field(default=None, min_length=1, max_length=100)
    phone: str | None = Field(default=None, min_length=1, max_length=40)
    role: RoleName | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Guest:
        if not self.model_fields_set & {"user_id", "email"}:
            raise ValueError("user_id or email is required")
        return self


class AddParticipants(Sent):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "participants": [{"user_id": "user_456"}, {"user_id": "user_789"}],
                    "send_invitation": True,
                    "notify_existing_participants": True,
                }
            ]
        }
    )

    participants: list[Guest] = Field(min_length=1, max_length=500)
    send_invitation: bool = False
    invitation_message: str | None = Field(default=None, max_length=500)
    participant_role: RoleName = "attendee"
    "Of those whose own role is not said."
    notify_existing_participants: bool = False

    def invitees(self) -> list[Invitee]:
        return [
            Invitee(
                participant_id=ids.ParticipantId(new_id()),
                user_id=guest.user_id,
                email=guest.email,
                name=guest.name,
                phone=guest.phone,
                role=Role(guest.role or self.participant_role),
            )
            for guest in self.participants
        ]


class AddedParticipant(Shown):
    participant_id: ParticipantId
    user_id: str | None
    participant_name: str
    role: RoleName
    invitation_sent: bool
    "It is on its way, or was sent."

    @classmethod
    def of(cls, seat: ParticipantView) -> AddedParticipant:
        return cls(
            participant_id=seat.id,
            user_id=seat.external_user_id,
            participant_name=seat.display_name,
            role=seat.role.value,
            invitation_sent=seat.invitation in (Invitation.QUEUED, Invitation.SENT),
        )


class AddedParticipants(Shown):
    added_count: int
    participants: list[AddedParticipant]


# --- removing ---


class Removal(Sent):
    """What a DELETE says, if anything."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "participant_ids": ["participant_001", "participant_002"],
                    "notify_removed_participants": True,
                }
            ]
        }
    )

    participant_ids: list[UserId] = Field(default=[], max_length=500)
    notify_removed_participants: bool = True
    notify_existing_participants: bool = True
    reason: str | None = Field(default=None, max_length=500)


class RemoveParticipants(Removal):
    participant_ids: list[UserId] = Field(min_length=1, max_length=500)


class RemoveQuery(Query):
    participant_ids: str | None = Field(default=None, pattern=r"^[^,]*(,[^,]*){0,499}$")
    "Parted by commas; for clients whose DELETE loses its body on the way."

    @property
    def named(self) -> list[str]:
        return [name for name in (self.participant_ids or "").split(",") if name.strip()]


class RemovedParticipants(Shown):
    removed_count: int
    participants_removed: list[ParticipantId]

    @classmethod
    def of(cls, seats: Sequence[ParticipantView]) -> RemovedParticipants:
        return cls(removed_count=len(seats), participants_removed=[seat.id for seat in seats])


# --- roles ---


class SentPermissions(Sent):
    can_share_screen: bool = unset()
    can_unmute_others: bool = unset()
    can_manage_participants: bool = unset()
    can_record: bool = unset()
    can_manage_breakout_rooms: bool = unset()


class UpdateRole(Sent):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"new_role": "co_host", "permissions": {"can_record": True}}]
        }
    )

    new_role: RoleName
    permissions: SentPermissions | None = None
    notify_participant: bool = True
    notify_others: bool = True

    @property
    def granted(self) -> Granted | None:
        if self.permissions is None:
            return None
        sent = self.permissions
        return {GIVEN[name]: getattr(sent, name) for name in sorted(sent.model_fields_set)}


class UpdatedRole(Shown):
    participant_id: ParticipantId
    new_role: RoleName
    permissions: GivenPermissions

    @classmethod
    def of(cls, seat: ParticipantView) -> UpdatedRole:
        return cls(
            participant_id=seat.id,
            new_role=seat.role.value,
            permissions=GivenPermissions.of(seat),
        )


# --- the directory ---


class SearchUsers(Sent):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"query": "alice", "exclude_current_participants": True, "limit": 10}]
        }
    )

    query: str = Field(max_length=200)
    "Beginnings of words of names, e-mail addresses and ids, or nearly so. Blank: everybody."
    exclude_current_participants: bool = False
    limit: int = Field(default=10, ge=1, le=100)
    user_types: list[Annotated[str, Field(min_length=1, max_length=40)]] | None = Field(
        default=None, max_length=50
    )


class FoundUser(Shown):
    user_id: str
    name: str | None
    email: str | None
    role: str | None
    department: str | None


class FoundUsers(Shown):
    users: list[FoundUser]
    total: int
    "How many were found in all."
    limit: int

    @classmethod
    def of(cls, found: PeopleFound, limit: int) -> FoundUsers:
        return cls(
            users=[
                FoundUser.model_validate(person.model_dump(include=set(FoundUser.model_fields)))
                for person in found.people
            ],
            total=found.total,
            limit=limit,
        )
