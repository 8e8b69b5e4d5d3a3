"""Seats for whoever comes by a user's name: found again rather than given out twice."""

from __future__ import annotations

from handlers.auth import Principal
from handlers.context import Context
from infra.contract.commands import (
    AddParticipant,
    AskAdmission,
    Entered,
    EnterRoom,
    Seat,
    Seated,
)
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason, Refused
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
    """The one seat of this user in this room, made if it is not there. Never makes a room.

    Refuses whom the room's rules keep out, unless the principal is a host.
    """
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
            vouched=principal.leads,
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


async def enter(here: Context, order: EnterRoom) -> Entered:
    """Enter by a seat. Whose owner must be let in first is refused, and waits from then on."""
    try:
        return await here.bus.ask(order)
    except Refused as refused:
        if refused.refusal.reason is Reason.AWAITING_ADMISSION:
            await here.bus.tell(
                AskAdmission(
                    tenant_id=order.tenant_id,
                    room_id=order.room_id,
                    participant_id=order.participant_id,
                )
            )
        raise
