"""Seats for whoever comes by a user's name: found again rather than given out twice."""

from __future__ import annotations

from handlers.auth import Principal
from handlers.context import Context
from infra.contract.commands import AddParticipant, Seat, Seated
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.views import Role


async def seat_named(
    here: Context,
    principal: Principal,
    room: str,
    *,
    external_user_id: str,
    display_name: str | None = None,
    role: Role | None = None,
) -> Seated:
    """The one seat of this user in this room, made if it is not there. Never makes a room."""
    return await here.bus.ask(
        AddParticipant(
            tenant_id=principal.owner,
            room=room,
            room_id_if_new=RoomId(new_id()),
            seat=Seat(
                participant_id=ParticipantId(new_id()),
                display_name=display_name or external_user_id,
                external_user_id=external_user_id,
                role=role,
            ),
            may_make_room=False,
            reuse_seat=True,
        )
    )


async def seat_of_user(here: Context, principal: Principal, room_id: RoomId) -> Seated:
    """The seat of the user a tenant's token was made for."""
    return await seat_named(
        here,
        principal,
        str(room_id),
        external_user_id=principal.subject,
        display_name=principal.display_name,
        role=principal.role,
    )
