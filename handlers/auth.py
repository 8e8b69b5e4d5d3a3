"""Who asks: an API key or a token, turned into a principal."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from starlette.requests import HTTPConnection

from handlers.context import Context, context
from handlers.issuers import User
from handlers.origins import require_allowed
from handlers.tokens import ROLES, Audience, Claims
from infra.contract.commands import Actor
from infra.contract.ids import KeyId, ParticipantId, RoomId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.scopes import EVERY_SCOPE, Scope
from infra.contract.views import Admission, ParticipantView, Role
from infra.db.keys import GoodKey
from infra.secrets import KEY_PREFIXES

CREDENTIAL_LIMIT = 8192
"Characters of one credential."
ADMINS = frozenset({"admin", "super_admin", "superadmin", "administrator"})
"Role words of who administers a tenant, folded."
BY_WORD = {**{str(word): role for word, role in ROLES.items()}, **dict.fromkeys(ADMINS, Role.HOST)}


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
    role_name: str | None = None
    "The role in the tenant's own words, as the token has it."
    email: str | None = None
    "One the tenant vouches for."
    scopes: frozenset[Scope] | None = None
    "What a key or token is good for; None: everything."
    rooms: frozenset[RoomId] | None = None
    "The only rooms a key is good for; None: all."
    key_id: KeyId | None = None
    "The API key that was shown, or that the token was made with."

    @property
    def is_admin(self) -> bool:
        """Administers the tenant, by the role their token names or by being the tenant itself."""
        if self.governs:
            return True
        return self.kind == "tenant" and _folded(self.role_name) in ADMINS

    @property
    def confined(self) -> bool:
        """Is good for certain rooms only, and so makes none."""
        return self.room_id is not None or self.rooms is not None

    def has(self, scope: Scope) -> bool:
        return self.scopes is None or scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raises `Refused` SCOPE_MISSING."""
        if not self.has(scope):
            raise refuse(Reason.SCOPE_MISSING, scope.value)

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
        # What a key with scopes did is not what the tenant did: nor may it ask after that.
        key = self.key_id if self.scopes is not None else None
        return str(self.participant_id or self.user_id or key or self.tenant_id or "operator")

    def sees(self, room_id: RoomId) -> bool:
        if self.room_id is not None and self.room_id != room_id:
            return False
        return self.rooms is None or room_id in self.rooms

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
        return await principal_of_key(here, api_key, audience)
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
    if "." not in credential:
        return await principal_of_key(here, credential, audience)
    if here.tokens.are_own(credential):
        who = await principal_of(here, here.tokens.verify(credential, audience=audience))
    else:
        who = principal_of_user(await here.issuers.verify(credential))
    await here.sightings.note(who)
    return who


async def principal_of_key(here: Context, api_key: str, audience: Audience = "chalk") -> Principal:
    """A key with scopes is good for Chroom alone: no other dialect has words for them."""
    given = api_key.encode(errors="replace")
    if len(api_key) > CREDENTIAL_LIMIT or not api_key:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key format")
    if hmac.compare_digest(given, here.secrets.operator_key.encode()):
        return Principal(kind="operator", tenant_id=None)
    if not api_key.startswith(KEY_PREFIXES):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key format")
    key = await here.standing.key(api_key)
    if key is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key")
    if key.scopes is not None and audience != "chroom":
        raise refuse(Reason.SCOPE_MISSING, "keys with scopes are for the Chroom API")
    return _principal_with(key, key.scopes)


async def principal_of(here: Context, claims: Claims) -> Principal:
    """Whom a checked token speaks for. A seat's role and name are the row's, not the token's."""
    if not await here.standing.is_active(claims.tenant_id):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    if claims.kind == "participant":
        return await _principal_of_seat(here, claims)
    key = await require_lasting(here, claims)
    if claims.scope is not None:
        assert key is not None
        asked = frozenset(Scope(name) for name in claims.scope.split() if name in EVERY_SCOPE)
        return _principal_with(key, asked if key.scopes is None else asked & key.scopes)
    return Principal(
        kind="tenant",
        tenant_id=claims.tenant_id,
        room_id=claims.room_id,
        role=ROLES[claims.role],
        display_name=claims.display_name,
        user_id=claims.user_id,
        role_name=claims.role,
        email=claims.email,
        key_id=claims.key_id,
    )


async def require_lasting(here: Context, claims: Claims) -> GoodKey | None:
    """Raises `Refused` BAD_CREDENTIALS for a token that was revoked, or whose key was: the key it
    was made with otherwise, if it names one."""
    if await here.standing.is_revoked(claims.jti):
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    if claims.key_id is None:
        if claims.scope is not None:
            raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
        return None
    key = await here.standing.key_named(claims.key_id)
    if key is None or key.tenant_id != claims.tenant_id:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    return key


def principal_of_user(user: User) -> Principal:
    """Whom a token of a tenant's own issuer speaks for. A role word we do not know is nobody's."""
    return Principal(
        kind="tenant",
        tenant_id=user.tenant_id,
        room_id=user.room_id,
        role=BY_WORD.get(_folded(user.role), Role.ATTENDEE),
        display_name=user.display_name,
        user_id=user.user_id,
        role_name=user.role,
        email=user.email,
    )


def _principal_with(key: GoodKey, scopes: frozenset[Scope] | None) -> Principal:
    return Principal(
        kind="tenant", tenant_id=key.tenant_id, scopes=scopes, rooms=key.rooms, key_id=key.id
    )


def _folded(role: str | None) -> str:
    return (role or "").strip().lower().replace(" ", "_").replace("-", "_")


async def _principal_of_seat(here: Context, claims: Claims) -> Principal:
    seat = await here.standing.seat(claims)
    if seat is None:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
    require_let_in(seat)
    return Principal(
        kind="participant",
        tenant_id=seat.tenant_id,
        participant_id=seat.id,
        room_id=seat.room_id,
        role=seat.role,
        display_name=seat.display_name,
        user_id=seat.external_user_id,
        role_name=seat.role.value,
        email=seat.email,
    )


def require_let_in(seat: ParticipantView) -> None:
    """A seat whose owner waits at the door opens nothing. Raises `Refused` AWAITING_ADMISSION,
    ADMISSION_DENIED."""
    if seat.admission is Admission.WAITING:
        raise refuse(Reason.AWAITING_ADMISSION)
    if seat.admission is Admission.DENIED:
        raise refuse(Reason.ADMISSION_DENIED)


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
