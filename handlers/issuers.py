"""Tokens of the issuers that a tenant trusts: checked as strictly as our own (RFC 8725).

Everything about a token that is not signed only says where to look: its `iss` and `campus_id` which
issuer of which tenant it claims to be of, its `kid` which key. The algorithm is the issuer's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handlers.jwks import KeySets, PublicKey, check_public_key
from handlers.strict_json import parse_object
from handlers.tokens import CACHED_S, CACHED_TOKENS, LEEWAY_S, LONGEST_LIFE_S, TOKEN_LIMIT
from infra.contract.ids import RoomId, TenantId
from infra.contract.issuers import Algorithm, JwtIssuer
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import TenantView
from infra.net import Unsafe
from infra.secrets import Secrets

if TYPE_CHECKING:
    from handlers.operations.standing import Standing

SEALED_FOR = "jwt-issuers"
"The purpose HMAC secrets are sealed for."
MASK: Final[Literal["********"]] = "********"
"What is shown of a secret."
SHORTEST_SECRET = 32
"Bytes of an HMAC secret (RFC 7518, section 3.2, has it for HS256)."
TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
"`typ` headers of tokens that speak for somebody; any other kind was made for something else."
USES = frozenset({"access", "bearer"})
"The same of a `type` claim."
LAST_TIME = 2**53
"Seconds. Later ones are no times, and some readers cannot tell them apart."

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_TEXT = Field(min_length=1, max_length=200)


@dataclass(frozen=True, slots=True)
class GivenIssuer:
    """An issuer as a tenant names it, with its secret in the clear."""

    issuer: str
    algorithm: Algorithm
    public_key: str | None = None
    jwks_url: str | None = None
    secret: str | None = field(default=None, repr=False)
    "`MASK`: the one it has."
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Whom such a token speaks for."""

    tenant_id: TenantId
    user_id: str
    role: str
    "In the issuer's own words."
    display_name: str | None
    email: str | None
    room_id: RoomId | None


class _Claims(BaseModel):
    """The ones we read, with the types they must have."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    user_id: str = _TEXT
    role: str = Field(min_length=1, max_length=40)
    campus_id: str | None = Field(default=None, min_length=1, max_length=200)
    tenant_id: str | None = Field(default=None, min_length=1, max_length=200)
    iss: str | None = None
    aud: str | list[str] | None = None
    name: str | None = Field(default=None, min_length=1, max_length=200)
    display_name: str | None = Field(default=None, min_length=1, max_length=200)
    email: str | None = Field(default=None, min_length=3, max_length=254)
    room_id: str | None = Field(default=None, min_length=36, max_length=36)
    type: str | None = None
    exp: int | float
    nbf: int | float | None = None
    iat: int | float | None = None

    @property
    def tenant(self) -> str | None:
        return self.campus_id or self.tenant_id


@dataclass(frozen=True, slots=True)
class _Checked:
    user: User
    issuer: JwtIssuer
    named: bool
    "It said whose it is; where it did not, its issuer must be the only one."
    exp: float
    not_before: float
    fresh_until: float


class Issuers:
    def __init__(
        self,
        standing: Standing,
        key_sets: KeySets,
        secrets: Secrets,
        *,
        own_issuer: str,
        now: Callable[[], datetime],
    ) -> None:
        self._standing = standing
        self._key_sets = key_sets
        self._secrets = secrets
        self._own_issuer = own_issuer
        self._now = now
        self._seen: dict[bytes, _Checked] = {}

    async def verify(self, token: str) -> User:
        """Raises `Refused`: TOKEN_EXPIRED for a good one past its time, else BAD_CREDENTIALS;
        UNAVAILABLE while the issuer's keys cannot be had."""
        now = self._now().timestamp()
        digest = hashlib.blake2b(token.encode(errors="replace")).digest()
        checked = self._seen.get(digest)
        if checked is None or now >= checked.fresh_until or not await self._still(checked):
            checked = await self._check(token, now)
            while len(self._seen) >= CACHED_TOKENS:
                del self._seen[next(iter(self._seen))]
            self._seen[digest] = checked
        if checked.not_before > now + LEEWAY_S:
            raise _no()
        if checked.exp <= now - LEEWAY_S:
            raise refuse(Reason.TOKEN_EXPIRED)
        return checked.user

    def accepted(self, given: GivenIssuer, before: JwtIssuer | None) -> JwtIssuer:
        """The issuer as it is kept. `before`: the one of that name so far.

        Raises `Refused`: UNUSABLE for keys that are not the algorithm's or are weak, BAD_URL.
        """
        try:
            if given.issuer == self._own_issuer:
                raise ValueError("this is our own name")
            if given.public_key is not None:
                public_key(given.public_key, given.algorithm)
            if given.jwks_url is not None:
                self._key_sets.check(given.jwks_url)
            return JwtIssuer(
                issuer=given.issuer,
                algorithm=given.algorithm,
                public_key=given.public_key,
                jwks_url=given.jwks_url,
                secret_sealed=self._sealed(given, before),
                audience=given.audience,
            )
        except Unsafe as unsafe:
            raise refuse(Reason.BAD_URL, f"jwks_url: {unsafe}") from unsafe
        except ValidationError as wrong:
            said = wrong.errors(include_url=False, include_input=False)[0]["msg"]
            raise refuse(Reason.UNUSABLE, f"jwt_issuers: {said}") from wrong
        except ValueError as wrong:
            raise refuse(Reason.UNUSABLE, f"jwt_issuers: {wrong}") from wrong

    def _sealed(self, given: GivenIssuer, before: JwtIssuer | None) -> str | None:
        if given.secret is None:
            return None
        if given.secret == MASK and before is not None and before.algorithm == given.algorithm:
            return before.secret_sealed
        check_secret(given.secret)
        return self._secrets.seal(SEALED_FOR, given.secret)

    async def _still(self, checked: _Checked) -> bool:
        """The tenant is there and trusts that issuer as it did."""
        tenant = await self._standing.tenant(checked.user.tenant_id)
        if tenant is None or not tenant.is_active:
            return False
        trusted = tenant.config.jwt_issuers
        return checked.issuer in trusted and (checked.named or len(trusted) == 1)

    async def _check(self, token: str, now: float) -> _Checked:
        if len(token) > TOKEN_LIMIT:
            raise _no()
        try:
            header, unverified = _taken_apart(token)
            tenant, issuer = await self._issuer_of(_Claims.model_validate(unverified))
            _check_header(header, issuer)
            key = await self._key(issuer, header.get("kid"))
            signed = jwt.PyJWS().decode_complete(token, key, algorithms=[issuer.algorithm])
            # Only what was signed is believed from here on.
            claims = _Claims.model_validate(parse_object(signed["payload"]))
            return self._believed(claims, tenant, issuer, now)
        except (jwt.PyJWTError, ValidationError, ValueError, TypeError, KeyError) as wrong:
            raise _no() from wrong

    async def _issuer_of(self, claims: _Claims) -> tuple[TenantView, JwtIssuer]:
        if claims.tenant is None or claims.iss == self._own_issuer:
            raise _no()
        # Nothing that no database can look for.
        if not claims.tenant.isprintable():
            raise _no()
        tenant = await self._standing.tenant_called(claims.tenant)
        if tenant is None or not tenant.is_active:
            raise _no()
        trusted = tenant.config.jwt_issuers
        if claims.iss is None:
            found = list(trusted)
        else:
            found = [issuer for issuer in trusted if issuer.issuer == claims.iss]
        if len(found) != 1:
            raise _no()
        return tenant, found[0]

    async def _key(self, issuer: JwtIssuer, kid: str | None) -> PublicKey | bytes:
        if issuer.secret_sealed is not None:
            return self._secrets.unseal(SEALED_FOR, issuer.secret_sealed).encode()
        if issuer.public_key is not None:
            return public_key(issuer.public_key, issuer.algorithm)
        assert issuer.jwks_url is not None
        key = await self._key_sets.key(issuer.jwks_url, kid, issuer.algorithm)
        if key is None:
            raise _no()
        return key

    def _believed(
        self, claims: _Claims, tenant: TenantView, issuer: JwtIssuer, now: float
    ) -> _Checked:
        if issuer.audience is not None:
            named = [claims.aud] if isinstance(claims.aud, str) else claims.aud or []
            if issuer.audience not in named:
                raise _no()
        if claims.type is not None and claims.type.lower() not in USES:
            raise _no()
        times = [time for time in (claims.exp, claims.nbf, claims.iat) if time is not None]
        # NaN is in no range.
        if not all(0 <= time < LAST_TIME for time in times):
            raise _no()
        begins = claims.iat if claims.iat is not None else now
        if claims.iat is not None and claims.exp <= claims.iat:
            raise _no()
        if claims.exp - begins > LONGEST_LIFE_S:
            raise _no()
        for text in (claims.user_id, claims.role, claims.display_name, claims.name, claims.email):
            if text is not None and not (text.isprintable() and text.strip()):
                raise _no()
        user = User(
            tenant_id=tenant.id,
            user_id=claims.user_id,
            role=claims.role,
            display_name=claims.display_name or claims.name,
            email=claims.email,
            room_id=RoomId(UUID(claims.room_id)) if claims.room_id else None,
        )
        return _Checked(
            user=user,
            issuer=issuer,
            named=claims.iss is not None,
            exp=claims.exp,
            not_before=max(claims.nbf or 0, claims.iat or 0),
            fresh_until=now + CACHED_S,
        )


def public_key(pem: str, algorithm: Algorithm) -> PublicKey:
    """Raises ValueError for what is no public key of the algorithm, or a weak one."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except Exception as wrong:
        # The library raises many kinds; none of them is a key.
        raise ValueError("not a public key in PEM") from wrong
    return check_public_key(key, algorithm)


def check_secret(secret: str) -> None:
    """Raises ValueError for a secret that is short, or no secret at all (CVE-2022-29217)."""
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ValueError(f"a secret has at least {SHORTEST_SECRET} bytes")
    if "-----BEGIN" in secret or secret.lstrip().startswith(("ssh-", "ecdsa-", "{")):
        raise ValueError("a key is no secret")
    if len(set(secret)) < 8:
        raise ValueError("the secret repeats itself")


def _taken_apart(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, nothing of which is true yet. Raises ValueError."""
    segments = token.split(".")
    if len(segments) != 3 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError("not a compact JWS with a signature")
    return parse_object(_decoded(segments[0])), parse_object(_decoded(segments[1]))


def _decoded(segment: str) -> bytes:
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), "-_", validate=True)
    except binascii.Error as wrong:
        raise ValueError("not base64url") from wrong
    # One text for one value: what is signed is the text (RFC 4648, section 3.5).
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != segment:
        raise ValueError("not canonical base64url")
    return raw


def _check_header(header: Mapping[str, Any], issuer: JwtIssuer) -> None:
    """`jku`, `jwk`, `x5u` and `x5c` choose nothing here, so they may say what they like."""
    if header.get("alg") != issuer.algorithm or "crit" in header or "b64" in header:
        raise _no()
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower() not in TYPES:
        raise _no()
    kid = header.get("kid")
    if kid is not None and (not isinstance(kid, str) or len(kid) > 256):
        raise _no()


def _no() -> Refused:
    return refuse(Reason.BAD_CREDENTIALS, "invalid token")
