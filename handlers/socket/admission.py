"""Who may open a socket: decided before it is accepted, so that a no is an HTTP status."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from handlers.auth import Principal, principal_of_bearer
from handlers.context import Context
from handlers.operations.seats import seat_of_user
from handlers.origins import require_allowed
from handlers.socket.frames import Framing
from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.refusals import Reason, refuse

TOKEN_PREFIX = "token."


@dataclass(frozen=True, slots=True)
class Guest:
    """A seat's owner at the door."""

    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    framing: Framing


async def admit(here: Context, conn: HTTPConnection) -> Guest:
    """Raises `Refused` with what is wrong: the token, its claims, or where the page came from."""
    offered = _subprotocols(conn)
    principal = await principal_of_bearer(here, _token(conn, offered))
    if principal.tenant_id is None or principal.room_id is None:
        raise refuse(Reason.MALFORMED, "the token names no room: room_id is missing")
    await require_allowed(conn, principal.tenant_id)
    framing = Framing.PAYLOAD if Framing.PAYLOAD in offered else Framing.CHALK
    return Guest(
        tenant_id=principal.tenant_id,
        room_id=principal.room_id,
        participant_id=await _seat(here, principal, principal.room_id),
        framing=framing,
    )


def subprotocol(conn: HTTPConnection, guest: Guest) -> str | None:
    """What the server answers: a client that offered none of ours is answered none (RFC 6455)."""
    return guest.framing.value if guest.framing in _subprotocols(conn) else None


def _subprotocols(conn: HTTPConnection) -> list[str]:
    offered = ",".join(conn.headers.getlist("sec-websocket-protocol"))
    return [name.strip() for name in offered.split(",") if name.strip()]


def _token(conn: HTTPConnection, offered: list[str]) -> str:
    for name in offered:
        if name.startswith(TOKEN_PREFIX):
            return name.removeprefix(TOKEN_PREFIX)
    if token := conn.query_params.get("token"):
        return token
    scheme, _, bearer = conn.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    raise refuse(Reason.NO_CREDENTIALS)


async def _seat(here: Context, principal: Principal, room_id: RoomId) -> ParticipantId:
    if principal.participant_id is not None:
        return principal.participant_id
    return (await seat_of_user(here, principal, room_id)).participant.id
