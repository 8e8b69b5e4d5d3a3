"""Tokens for API keys, for seats, and for the tokens of before."""

from __future__ import annotations

from handlers.auth import require_lasting
from handlers.call import Visit
from handlers.context import Context
from handlers.tokens import Birth, Identity, RoleName, TokenPair
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView
from infra.db import rooms


async def exchange(
    visit: Visit,
    api_key: str,
    *,
    user_id: str | None,
    display_name: str | None,
    role: RoleName | None,
    room_id: RoomId | None,
    email: str | None = None,
) -> TokenPair:
    """Tokens for the tenant itself, or for the user of it that is named. They end with the key."""
    here = visit.here
    key = await here.standing.key(api_key)
    if key is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key")
    if key.scopes is not None:
        raise refuse(Reason.SCOPE_MISSING, "keys with scopes get their tokens by OAuth 2.0")
    tenant_id = key.tenant_id
    if room_id is not None and await here.reader.read(rooms.get, tenant_id, room_id) is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return here.tokens.pair(
        Identity(
            kind="tenant",
            sub=user_id or str(tenant_id),
            tenant_id=tenant_id,
            role=role or ("participant" if user_id else "host"),
            user_id=user_id,
            display_name=display_name,
            room_id=room_id,
            email=email,
            key_id=key.id,
        )
    )


async def refresh(visit: Visit, refresh_token: str) -> TokenPair:
    """A new pair for whom the old one spoke for, as they stand now."""
    here = visit.here
    identity = here.tokens.verify(refresh_token, type="refresh")
    if not await here.standing.is_active(identity.tenant_id):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    if identity.kind == "tenant":
        await require_lasting(here, identity)
        return here.tokens.pair(identity)
    seat = await here.standing.seat(identity)
    if seat is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    return for_seat(here, seat)


def for_seat(here: Context, seat: ParticipantView, born: Birth | None = None) -> TokenPair:
    """Tokens that are good for this seat in its room, and for nothing else."""
    return here.tokens.pair(
        Identity(
            kind="participant",
            sub=str(seat.id),
            tenant_id=seat.tenant_id,
            role=seat.role.value,
            user_id=seat.external_user_id,
            display_name=seat.display_name,
            room_id=seat.room_id,
        ),
        born,
    )
