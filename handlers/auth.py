"""Who asks: an API key or a token, turned into a principal."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from starlette.requests import HTTPConnection

from handlers.context import Context, context
from handlers.origins import require_allowed
from handlers.tokens import ROLES, Audience, Identity
from infra.contract.commands import Actor
from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role
from infra.secrets import API_KEY_PREFIX

CREDENTIAL_LIMIT = 8192
"Characters of one credential."


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request speaks for, and how far their word goes."""

    kind: Literal["operator", "tenant", "participant"]
    tenant_id: TenantId | None
    "None for the operator alone."
    participant_id: ParticipantId | None = None
    "The seat, for a participant."
    room_id: RoomId | None = None
    "The one room this principal sees; None: every room of the tenant."
    role: Role = Role.HOST
    display_name: str | None = None
    user_id: str | None = None
    "The tenant's own name for the user a token was made for."

    @property
    def leads(self) -> bool:
        """May do what a host may. An API key acts as host."""
        return self.role in (Role.HOST, Role.CO_HOST)

    @property
    def governs(self) -> bool:
        """Is the operator, or a tenant itself rather than one of its users."""
        if self.kind == "tenant":
            return self.leads and self.user_id is None and self.room_id is None
        return self.kind == "operator"

    @property
    def owner(self) -> TenantId:
        """The tenant spoken for. Raises `Refused`: the operator owns no rooms."""
        if self.tenant_id is None:
            raise refuse(Reason.NOT_ALLOWED)
        return self.tenant_id

    @property
    def subject(self) -> str:
        """One word for who this is, the same for every credential of theirs."""
        return str(self.participant_id or self.user_id or self.tenant_id or "operator")

    def sees(self, room_id: RoomId) -> bool:
        return self.room_id is None or self.room_id == room_id

    def actor(self, address: str | None) -> Actor:
        return Actor(kind=self.kind, id=self.subject, address=address)


async def authenticate(conn: HTTPConnection, audience: Audience = "chalk") -> Principal:
    """Read `X-API-Key` or `Authorization: Bearer` (an API key or an access token).

    Raises `Refused`: NO_CREDENTIALS, BAD_CREDENTIALS, TOKEN_EXPIRED; ORIGIN_NOT_ALLOWED for a page
    its tenant does not want.
    """
    who = await _principal(conn, audience)
    if who.tenant_id is not None:
        await require_allowed(conn, who.tenant_id)
    return who


async def _principal(conn: HTTPConnection, audience: Audience) -> Principal:
    here = context(conn)
    api_key = conn.headers.get("x-api-key")
    if api_key is not None:
        return await principal_of_key(here, api_key)
    bearer = conn.headers.get("authorization")
    if bearer is None:
        raise refuse(Reason.NO_CREDENTIALS)
    scheme, _, credential = bearer.partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise refuse(Reason.BAD_CREDENTIALS, "invalid authorization header format")
    return await principal_of_bearer(here, credential.strip(), audience)


async def principal_of_bearer(
    here: Context, credential: str, audience: Audience = "chalk"
) -> Principal:
    """The principal of an access token, or of an API key used as one. Raises as `authenticate`."""
    # A compact JWS has two dots; no key of ours has any.
    if "." in credential:
        return await principal_of(here, here.tokens.verify(credential, audience=audience))
    return await principal_of_key(here, credential)


async def principal_of_key(here: Context, api_key: str) -> Principal:
    given = api_key.encode(errors="replace")
    if len(api_key) > CREDENTIAL_LIMIT or not api_key:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key format")
    if hmac.compare_digest(given, here.secrets.operator_key.encode()):
        return Principal(kind="operator", tenant_id=None)
    if not api_key.startswith(API_KEY_PREFIX):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key format")
    tenant_id = await here.standing.tenant_of_key(api_key)
    if tenant_id is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key")
    return Principal(kind="tenant", tenant_id=tenant_id)


async def principal_of(here: Context, identity: Identity) -> Principal:
    """Whom a checked token speaks for. A seat's role and name are the row's, not the token's."""
    if not await here.standing.is_active(identity.tenant_id):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    if identity.kind == "tenant":
        return Principal(
            kind="tenant",
            tenant_id=identity.tenant_id,
            room_id=identity.room_id,
            role=ROLES[identity.role],
            display_name=identity.display_name,
            user_id=identity.user_id,
        )
    seat = await here.standing.seat(identity)
    if seat is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    return Principal(
        kind="participant",
        tenant_id=seat.tenant_id,
        participant_id=seat.id,
        room_id=seat.room_id,
        role=seat.role,
        display_name=seat.display_name,
        user_id=seat.external_user_id,
    )


class May(Enum):
    """Who an operation is for."""

    JOIN = "anybody of a tenant"
    LEAD = "hosts, and the tenant itself"
    GOVERN = "the tenant itself, and the operator"
    OPERATE = "the operator"


def admit(who: Principal, may: May) -> None:
    """Raises `Refused`: HOST_ONLY, NOT_ALLOWED."""
    match may:
        case May.JOIN:
            admitted = who.tenant_id is not None
        case May.LEAD:
            admitted = who.tenant_id is not None
            if not who.leads:
                raise refuse(Reason.HOST_ONLY)
        case May.GOVERN:
            admitted = who.governs
        case May.OPERATE:
            admitted = who.kind == "operator"
    if not admitted:
        raise refuse(Reason.NOT_ALLOWED)
