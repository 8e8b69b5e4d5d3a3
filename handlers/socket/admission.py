"""Who may open a socket: decided before it is accepted, so that a no is an HTTP status."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from handlers.auth import Principal, principal_of_bearer
from handlers.context import Context
from handlers.operations.seats import seat_of_user
from handlers.socket.frames import Framing
from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.db import tenants

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
    await _check_origin(here, conn, principal.tenant_id)
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


async def _check_origin(here: Context, conn: HTTPConnection, tenant_id: TenantId) -> None:
    """Browsers say where a page came from; other clients do not, and need no permission for it."""
    origin = conn.headers.get("origin")
    if origin is None or urlsplit(origin).netloc == conn.headers.get("host"):
        return
    tenant = await here.reader.read(tenants.get, tenant_id)
    allowed = tenant.config.allowed_origins if tenant else ()
    if allowed and not any(_matches(origin.lower(), name) for name in allowed):
        raise refuse(Reason.ORIGIN_NOT_ALLOWED)


def _matches(origin: str, allowed: str) -> bool:
    if allowed.endswith(":*"):
        return origin.startswith(allowed[:-1]) and origin.removeprefix(allowed[:-1]).isdecimal()
    return origin == allowed.lower()


async def _seat(here: Context, principal: Principal, room_id: RoomId) -> ParticipantId:
    if principal.participant_id is not None:
        return principal.participant_id
    return (await seat_of_user(here, principal, room_id)).participant.id
