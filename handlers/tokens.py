"""Own tokens: made, and checked (RFC 7519, RFC 8725). One algorithm, three types, one issuer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID, uuid5

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from handlers.strict_json import parse_object
from infra.contract.ids import KeyId, RoomId, TenantId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role
from infra.signing import ALGORITHM, LETTER_LIFE_S, public_members, sign, thumbprint

LEEWAY_S = 30
"Seconds two clocks may differ."
LONGEST_LIFE_S = 90 * 86_400
"Seconds. A token that claims to live longer was not made by this program."
LONGEST_INVITE_S = LETTER_LIFE_S
"The same of invitations, which go out long before a meeting."
TOKEN_LIMIT = 8192
"Characters. Longer ones are refused before anything parses them."
CACHED_S = 60
"Seconds a signature is not checked again. Expiry is checked every time."
CACHED_TOKENS = 10_000

TokenType = Literal["access", "refresh", "invite"]
Audience = Literal["chalk", "kcs", "chroom"]
DIALECTS: tuple[Audience, ...] = get_args(Audience)
TYP: dict[TokenType, str] = {"access": "at+jwt", "refresh": "rt+jwt", "invite": "invite+jwt"}
"The `typ` header by type (RFC 9068, section 2.1; RFC 8725, section 3.11)."

RoleName = Literal[
    "admin", "teacher", "student", "host", "co_host", "presenter", "attendee", "participant"
]
ROLES: dict[RoleName, Role] = {
    "admin": Role.HOST,
    "teacher": Role.HOST,
    "host": Role.HOST,
    "co_host": Role.CO_HOST,
    "presenter": Role.PRESENTER,
    "participant": Role.PRESENTER,
    "attendee": Role.ATTENDEE,
    "student": Role.ATTENDEE,
}
"Every role a token may name, in any dialect's words, and what it is here."


class Identity(BaseModel):
    """Whom a token speaks for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["tenant", "participant"]
    "participant: `sub` is a seat in `room_id`. tenant: the tenant itself, or one of its users."
    sub: str = Field(min_length=1)
    tenant_id: TenantId
    role: RoleName
    user_id: str | None = None
    display_name: str | None = None
    room_id: RoomId | None = None
    email: str | None = None
    key_id: KeyId | None = None
    "The API key it was made with, and ends with."
    scope: str | None = None
    "Of an OAuth 2.0 client, which is its key (RFC 9068, section 2.2.3): scopes, space-separated."
    once: Literal[True] | None = None
    "Of an invite that is good for one seat."


@dataclass(frozen=True, slots=True)
class Birth:
    """What a token comes from. Made again of the same, it is the same to the last byte, so that a
    retried request is answered as the first one was."""

    of: UUID
    "The command that gives it out."
    at: datetime
    "When that was decided; the token's life is counted from then."


Seconds = Annotated[StrictInt, Field(ge=0, lt=2**53)]


class Claims(Identity):
    """All a token must carry, with the types it must have: a date as text is refused."""

    iss: str
    aud: list[str]
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    jti: UUID
    type: TokenType

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.exp, UTC)


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in: int
    "Seconds until the access token expires."


class Tokens:
    """Makes and checks this deployment's tokens. The time is asked of `now`, never of the clock."""

    def __init__(
        self,
        key: Ed25519PrivateKey,
        *,
        issuer: str,
        access_s: int,
        refresh_s: int,
        now: Callable[[], datetime],
    ) -> None:
        self._key = key
        self._public = key.public_key()
        self._issuer = issuer
        self._access_s = access_s
        self._refresh_s = refresh_s
        self._now = now
        self._seen: dict[tuple[bytes, TokenType, Audience], tuple[Claims, float]] = {}
        self.kid = thumbprint(key)
        self._headers = {_header_of(sign(key, {}, typ=typ)) for typ in TYP.values()}

    @property
    def issuer(self) -> str:
        return self._issuer

    @property
    def public_jwk(self) -> dict[str, str]:
        """What signatures are checked with (RFC 8037, section 2)."""
        return {**public_members(self._key), "kid": self.kid, "use": "sig", "alg": ALGORITHM}

    def are_own(self, token: str) -> bool:
        """Whether it begins as all of ours do. It is not checked."""
        return _header_of(token) in self._headers

    def pair(self, identity: Identity, born: Birth | None = None) -> TokenPair:
        """`born` None: tokens like no others, from now on."""
        return TokenPair(
            access_token=self._sign(identity, "access", self._access_s, born),
            refresh_token=self._sign(identity, "refresh", self._refresh_s, born),
            expires_in=self._access_s,
        )

    def invite(self, identity: Identity, lives_s: int, born: Birth | None = None) -> str:
        """Opens nothing by itself: whoever holds it may take a seat in the room it names."""
        return self._sign(identity, "invite", lives_s, born)

    def client(self, identity: Identity) -> tuple[str, int]:
        """An access token of an OAuth 2.0 client, and the seconds it lives."""
        return self._sign(identity, "access", self._access_s, None), self._access_s

    def verify(
        self, token: str, *, type: TokenType = "access", audience: Audience = "chalk"
    ) -> Claims:
        """Raises `Refused`: TOKEN_EXPIRED for one of ours past its time, else BAD_CREDENTIALS."""
        now = self._now().timestamp()
        key = (hashlib.blake2b(token.encode(errors="replace")).digest(), type, audience)
        claims, fresh_until = self._seen.get(key, (None, 0.0))
        if claims is None or now >= fresh_until:
            claims = self._check(token, type, audience)
            while len(self._seen) >= CACHED_TOKENS:
                del self._seen[next(iter(self._seen))]
            self._seen[key] = (claims, now + CACHED_S)
        if max(claims.nbf, claims.iat) > now + LEEWAY_S:
            raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
        if claims.exp <= now - LEEWAY_S:
            raise refuse(Reason.TOKEN_EXPIRED)
        return claims

    def _check(self, token: str, type: TokenType, audience: Audience) -> Claims:
        if len(token) > TOKEN_LIMIT:
            raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
        try:
            # Nothing in the header chooses a key or an algorithm: it is ours to the letter or
            # the token is not ours (`crit`, `jku`, `jwk`, `x5u` and the like never get further).
            header = jwt.get_unverified_header(token)
            if header != {"alg": ALGORITHM, "typ": TYP[type], "kid": self.kid}:
                raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
            signed = jwt.PyJWS().decode(token, self._public, algorithms=[ALGORITHM])
            claims = Claims.model_validate(parse_object(signed))
            if claims.iss != self._issuer or audience not in claims.aud:
                raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
        except (jwt.PyJWTError, ValidationError, ValueError, RecursionError) as wrong:
            raise refuse(Reason.BAD_CREDENTIALS, "invalid token") from wrong
        longest = LONGEST_INVITE_S if type == "invite" else LONGEST_LIFE_S
        if claims.type != type or not 0 < claims.exp - claims.iat <= longest:
            raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
        if claims.kind == "participant" and claims.room_id is None:
            raise refuse(Reason.BAD_CREDENTIALS, "invalid token")
        return claims

    def _sign(self, identity: Identity, type: TokenType, lives_s: int, born: Birth | None) -> str:
        issued = int((born.at if born else self._now()).timestamp())
        audience: tuple[Audience, ...] = DIALECTS
        if identity.kind == "participant":
            audience = ("chalk",)
        elif identity.scope is not None:
            audience = ("chroom",)
        jti = uuid5(born.of, f"{type} {identity.role} {identity.sub}") if born else new_id()
        claims: dict[str, Any] = {
            **identity.model_dump(mode="json", exclude_none=True),
            "user_id": identity.user_id or identity.sub,
            "campus_id": str(identity.tenant_id),
            "permissions": permissions(ROLES[identity.role]),
            "iss": self._issuer,
            "aud": list(audience),
            "iat": issued,
            "nbf": issued,
            "exp": issued + lives_s,
            "jti": str(jti),
            "type": type,
        }
        if identity.scope is not None:
            claims["client_id"] = identity.sub
        return sign(self._key, claims, typ=TYP[type])


def _header_of(token: str) -> str:
    return token.partition(".")[0]


def permissions(role: Role) -> dict[str, bool]:
    """What a role may do, in the words of the token's `permissions` claim."""
    leads = role in (Role.HOST, Role.CO_HOST)
    return {
        "can_record": leads,
        "can_screen_share": True,
        "can_kick": leads,
        "can_mute": leads,
    }
