"""Invitations: a code in a link that lets whoever has it take a seat in one room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.call import Call, Visit
from handlers.operations import credentials, rooms
from handlers.tokens import Identity, RoleName, TokenPair
from infra.contract.commands import AddParticipant, Seat, Seated
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role


@dataclass(frozen=True, slots=True)
class Invite:
    code: str
    link: str
    expires_at: datetime


async def make(call: Call, room_id: RoomId, *, role: RoleName, lives_s: int) -> Invite:
    """For any number of people, until it expires. A `role` of host is for hosts to give."""
    room = await rooms.get(call, room_id)
    here = call.here
    code = here.tokens.invite(
        Identity(
            kind="tenant",
            sub=call.who.subject,
            tenant_id=call.tenant_id,
            role=role,
            room_id=room.id,
        ),
        lives_s,
    )
    return Invite(
        code=code,
        link=f"{here.settings.base_url}/#/r/{room.id}?invite={code}",
        expires_at=here.now() + timedelta(seconds=lives_s),
    )


async def take(visit: Visit, code: str, display_name: str) -> tuple[Seated, TokenPair]:
    """A new seat in the room of the invitation, under whatever name is given.

    Raises `Refused`: BAD_CREDENTIALS, TOKEN_EXPIRED, and as the room has it. A room that has ended
    stays so.
    """
    here = visit.here
    identity = here.tokens.verify(code, type="invite")
    if identity.room_id is None or not await here.standing.is_active(identity.tenant_id):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid invite")
    seated = await here.bus.ask(
        AddParticipant(
            tenant_id=identity.tenant_id,
            room=str(identity.room_id),
            room_id_if_new=RoomId(new_id()),
            seat=Seat(
                participant_id=ParticipantId(new_id()),
                display_name=display_name,
                # None leaves the first one to be host where the tenant has it so.
                role=Role.HOST if identity.role == "host" else None,
            ),
            may_make_room=False,
        ),
        request_id=visit.request_id,
    )
    return seated, credentials.for_seat(here, seated.participant)
