"""Invitations: a code in a link that lets whoever has it take a seat in one room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.call import Call, Visit
from handlers.operations import credentials
from handlers.tokens import Birth, Claims, Identity, RoleName, TokenPair
from infra.contract.commands import (
    AddParticipant,
    Joining,
    JoinRoom,
    MakeInvite,
    OneUse,
    Seat,
    Seated,
)
from infra.contract.ids import CommandId, ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role
from infra.db import participants

GIVEN: Mapping[str, Role] = {"host": Role.HOST, "presenter": Role.PRESENTER}
"""What an invitation that names this role makes of somebody. Any other leaves the first one to be
host where the tenant has it so."""


@dataclass(frozen=True, slots=True)
class Invite:
    code: str
    link: str
    expires_at: datetime


async def make(call: Call, room_id: RoomId, *, role: RoleName, lives_s: int) -> Invite:
    """For any number of people, until it expires. A `role` of host is for hosts to give."""
    here = call.here
    made = await call.ask(
        MakeInvite(
            tenant_id=call.tenant_id, room_id=call.in_room(room_id), role=role, lives_s=lives_s
        )
    )
    code = here.tokens.invite(
        Identity(
            kind="tenant",
            sub=call.who.subject,
            tenant_id=call.tenant_id,
            role=role,
            room_id=made.room_id,
        ),
        lives_s,
        call.born(made.at),
    )
    return Invite(
        code=code,
        link=page_link(here.settings.base_url, made.room_id, code),
        expires_at=made.at + timedelta(seconds=lives_s),
    )


def page_link(base_url: str, room_id: RoomId, code: str) -> str:
    """Opens the page, which exchanges the code."""
    return f"{base_url}/#/r/{room_id}?invite={code}"


async def take(visit: Visit, code: str, display_name: str) -> tuple[Seated, TokenPair]:
    """A seat in the room of the invitation, under whatever name is given.

    A code that is good once gives one seat, and the same again to a retry under the same
    `Idempotency-Key`. Raises `Refused`: BAD_CREDENTIALS, TOKEN_EXPIRED, and as the room has it.
    A room that has ended stays so.
    """
    here = visit.here
    claims = here.tokens.verify(code, type="invite")
    tenant = await here.standing.tenant(claims.tenant_id)
    if claims.room_id is None or tenant is None or not tenant.is_active:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid invite")
    # Whoever has the code may ask after what became of it: that is what it is kept under.
    command = visit.retry.command_of(f"invite {claims.jti}") if visit.retry else None
    command_id = command or CommandId(new_id())
    if claims.once or claims.kind == "participant":
        joined = await _join(visit, command_id, await _whose(visit, claims), display_name)
        seated = Seated(
            participant=joined.participant,
            room=joined.room,
            room_created=False,
            config=tenant.config,
            should_start_recording=False,
            decided_at=joined.decided_at,
        )
    else:
        seated = await _add(visit, command_id, claims, display_name)
    born = Birth(command_id, seated.decided_at) if seated.decided_at else None
    return seated, credentials.for_seat(here, seated.participant, born)


async def _whose(visit: Visit, claims: Claims) -> JoinRoom:
    """The order to give the one it was made for their seat.

    A code that came by letter names the seat, and is good again and again while that is kept.
    """
    assert claims.room_id is not None
    if claims.kind == "tenant":
        return JoinRoom(
            tenant_id=claims.tenant_id,
            room_id=claims.room_id,
            participant_id=ParticipantId(new_id()),
            user_id=claims.user_id or claims.sub,
            leads=claims.role == "host",
            code=OneUse(jti=claims.jti, expires_at=claims.expires_at),
        )
    seat = await visit.here.reader.read(
        participants.get, claims.tenant_id, claims.room_id, ParticipantId(UUID(claims.sub))
    )
    if seat is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid invite")
    return JoinRoom(
        tenant_id=claims.tenant_id,
        room_id=claims.room_id,
        participant_id=seat.id,
        user_id=(seat.external_user_id or seat.email or str(seat.id))[:200],
        email=seat.email,
    )


async def _join(visit: Visit, command_id: CommandId, order: JoinRoom, name: str) -> Joining:
    return await visit.here.bus.ask(
        order.model_copy(update={"display_name": name}),
        command_id=command_id,
        body_sha256=visit.retry.body_sha256 if visit.retry else None,
        request_id=visit.request_id,
    )


async def _add(visit: Visit, command_id: CommandId, claims: Claims, name: str) -> Seated:
    """A new seat for whoever has the code."""
    return await visit.here.bus.ask(
        AddParticipant(
            tenant_id=claims.tenant_id,
            room=str(claims.room_id),
            room_id_if_new=RoomId(new_id()),
            seat=Seat(
                participant_id=ParticipantId(new_id()),
                display_name=name,
                role=GIVEN.get(claims.role),
            ),
            may_make_room=False,
        ),
        command_id=command_id,
        body_sha256=visit.retry.body_sha256 if visit.retry else None,
        request_id=visit.request_id,
    )
