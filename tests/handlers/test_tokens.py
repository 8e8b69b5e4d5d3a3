from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.tokens import LEEWAY_S, LONGEST_LIFE_S, Identity, Tokens
from infra.contract.ids import RoomId, TenantId, new_id
from infra.contract.refusals import Reason, Refused

KEY = Ed25519PrivateKey.generate()
OTHER_KEY = Ed25519PrivateKey.generate()
START = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
NOW = int(START.timestamp())
TENANT = TenantId(new_id())
SEAT = Identity(
    kind="participant",
    sub=str(new_id()),
    tenant_id=TENANT,
    role="attendee",
    display_name="Ann",
    room_id=RoomId(new_id()),
)
USER = Identity(kind="tenant", sub="u1", user_id="u1", tenant_id=TENANT, role="teacher")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def tokens(clock: Clock, key: Ed25519PrivateKey = KEY, issuer: str = "parley") -> Tokens:
    return Tokens(key, issuer=issuer, access_s=900, refresh_s=7 * 86_400, now=clock)


def refused(made: Tokens, token: str, **how: Any) -> Reason | None:
    try:
        made.verify(token, **how)
    except Refused as no:
        return no.refusal.reason
    return None


def test_a_token_says_who_it_is_for() -> None:
    made = tokens(Clock())

    found = made.verify(made.pair(SEAT).access_token)

    told = found.model_dump(include=set(Identity.model_fields))
    assert told == {**SEAT.model_dump(), "user_id": SEAT.sub}


def test_a_token_carries_the_claims_of_the_contract() -> None:
    token = tokens(Clock()).pair(USER).access_token

    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)

    assert claims.keys() == {
        *("kind", "sub", "user_id", "campus_id", "tenant_id", "role", "permissions"),
        *("iss", "aud", "iat", "nbf", "exp", "jti", "type"),
    }
    assert claims["campus_id"] == claims["tenant_id"] == str(TENANT)
    assert (claims["exp"] - claims["iat"], claims["type"]) == (900, "access")
    assert claims["aud"] == ["chalk", "kcs", "chroom"]
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")


def test_a_seats_token_is_good_in_one_dialect_only() -> None:
    made = tokens(Clock())
    token = made.pair(SEAT).access_token

    assert refused(made, token, audience="chalk") is None
    assert refused(made, token, audience="kcs") is Reason.BAD_CREDENTIALS


@pytest.mark.parametrize(("role", "can"), [("host", True), ("co_host", True), ("attendee", False)])
def test_permissions_follow_the_role(role: Any, can: bool) -> None:
    token = tokens(Clock()).pair(SEAT.model_copy(update={"role": role})).access_token

    permissions = jwt.decode(token, options={"verify_signature": False})["permissions"]

    assert permissions == {
        "can_record": can,
        "can_screen_share": True,
        "can_kick": can,
        "can_mute": can,
    }


def test_a_token_expires_also_when_it_was_seen_before() -> None:
    clock = Clock()
    made = tokens(clock)
    token = made.pair(SEAT).access_token
    made.verify(token)

    clock.wait(900 + LEEWAY_S - 1)
    assert refused(made, token) is None
    clock.wait(1)
    assert refused(made, token) is Reason.TOKEN_EXPIRED


def test_a_token_from_the_future_is_refused_until_then() -> None:
    clock = Clock()
    made = tokens(clock)
    clock.wait(LEEWAY_S + 1)
    token = made.pair(SEAT).access_token
    clock.wait(-LEEWAY_S - 1)

    assert refused(made, token) is Reason.BAD_CREDENTIALS
    clock.wait(1)
    assert refused(made, token) is None


def test_refresh_and_access_tokens_do_not_stand_in_for_each_other() -> None:
    made = tokens(Clock())
    pair = made.pair(SEAT)

    assert refused(made, pair.refresh_token) is Reason.BAD_CREDENTIALS
    assert refused(made, pair.access_token, type="refresh") is Reason.BAD_CREDENTIALS
    assert refused(made, pair.refresh_token, type="refresh") is None


def test_a_verified_token_costs_no_second_signature() -> None:
    made = tokens(Clock())
    seen = [made.pair(USER).access_token for _ in range(200)]

    began = time.perf_counter()
    for token in seen:
        made.verify(token)
    first = time.perf_counter() - began
    began = time.perf_counter()
    for token in seen:
        made.verify(token)

    assert time.perf_counter() - began < first / 3


# --- forgeries ---

CLAIMS: dict[str, Any] = {
    "kind": "participant",
    "sub": str(new_id()),
    "tenant_id": str(TENANT),
    "campus_id": str(TENANT),
    "room_id": str(new_id()),
    "role": "host",
    "iss": "parley",
    "aud": ["chalk"],
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 900,
    "jti": str(new_id()),
    "type": "access",
}
KID = tokens(Clock()).kid
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": KID}
PUBLIC_PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
PUBLIC_RAW = KEY.public_key().public_bytes(
    serialization.Encoding.Raw, serialization.PublicFormat.Raw
)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(
    header: dict[str, Any] | str = HEADER,
    claims: dict[str, Any] | str = CLAIMS,
    sign: Callable[[bytes], bytes] = KEY.sign,
) -> str:
    """Any header and any payload, with a signature over both."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    text = ".".join(b64(part.encode()) for part in parts)
    return f"{text}.{b64(sign(text.encode()))}"


def hmac_with(secret: bytes, alg: str = "HS256") -> str:
    import hmac as mac

    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]
    return signed({**HEADER, "alg": alg}, sign=lambda text: mac.digest(secret, text, digest))


def head(**more: Any) -> str:
    return signed({**HEADER, **more})


def claim(**more: Any) -> str:
    return signed(claims={**CLAIMS, **more})


def without(*names: str) -> str:
    return signed(claims={name: value for name, value in CLAIMS.items() if name not in names})


def unsigned(alg: object) -> str:
    return signed({**HEADER, "alg": alg}, sign=lambda _: b"")


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())
GENUINE = signed()
A, B, C = GENUINE.split(".")

NO_ALGORITHMS: tuple[object, ...] = ("none", "None", "NONE", "nOnE", "", None, 0, [])

FORGED: dict[str, str] = {
    # no signature at all
    **{f"alg {alg}": unsigned(alg) for alg in NO_ALGORITHMS},
    "no alg": signed({"typ": "at+jwt", "kid": KID}),
    "signature left out": f"{A}.{B}.",
    "two parts": f"{A}.{B}",
    "four parts": f"{A}.{B}.{C}.{C}",
    "five parts (JWE)": f"{A}.{B}.{C}.{C}.{C}",
    # another key, or the public one as a secret (CVE-2022-29217)
    "another key": signed(sign=OTHER_KEY.sign),
    "HS256 with the public PEM": hmac_with(PUBLIC_PEM),
    "HS256 with the stripped PEM": hmac_with(PUBLIC_PEM.strip()),
    "HS256 with the raw public key": hmac_with(PUBLIC_RAW),
    "HS512 with the public PEM": hmac_with(PUBLIC_PEM, "HS512"),
    "HS256 with no secret": hmac_with(b""),
    "HS256 with the kid": hmac_with(KID.encode()),
    "HS384 with a guess": hmac_with(b"secret", "HS384"),
    "RS256": jwt.encode(CLAIMS, RSA, "RS256", headers=HEADER | {"alg": "RS256"}),
    "PS256": jwt.encode(CLAIMS, RSA, "PS256", headers=HEADER | {"alg": "PS256"}),
    "ES256": jwt.encode(CLAIMS, P256, "ES256", headers=HEADER | {"alg": "ES256"}),
    "ES256 with an empty signature": signed({**HEADER, "alg": "ES256"}, sign=lambda _: bytes(64)),
    "signature of zeros": signed(sign=lambda _: bytes(64)),
    "signature of something else": f"{A}.{B}.{b64(KEY.sign(b'something else'))}",
    "signature cut": f"{A}.{B}.{C[:-4]}",
    "signature with a bit changed": signed(
        sign=lambda text: bytes([KEY.sign(text)[0] ^ 1]) + KEY.sign(text)[1:]
    ),
    "payload of another token": f"{A}.{b64(json.dumps({**CLAIMS, 'role': 'admin'}).encode())}.{C}",
    "header of another token": f"{b64(json.dumps({**HEADER, 'x': 1}).encode())}.{B}.{C}",
    # headers that would choose a key, an algorithm or a meaning; all rightly signed
    "alg in lower case": head(alg="eddsa"),
    "alg Ed25519": head(alg="Ed25519"),
    "no typ": signed({"alg": "EdDSA", "kid": KID}),
    "typ JWT": head(typ="JWT"),
    "typ of a refresh token": head(typ="rt+jwt"),
    "typ of a SET": head(typ="secevent+jwt"),
    "no kid": signed({"alg": "EdDSA", "typ": "at+jwt"}),
    "kid of nobody": head(kid="nobody"),
    "kid with a path": head(kid="../../../../dev/null"),
    "kid with SQL": head(kid="x' UNION SELECT 'secret"),
    "kid with a NUL": head(kid=f"{KID}\0"),
    "kid that is a list": head(kid=[KID]),
    "kid that is a number": head(kid=1),
    "crit": head(crit=["exp"]),
    "crit unknown": head(crit=["bork"], bork=True),
    "crit empty": head(crit=[]),
    "b64 false": head(b64=False, crit=["b64"]),
    "jku": head(jku="https://example.org/jwks.json"),
    "jwk": head(jwk={"kty": "OKP", "crv": "Ed25519", "x": b64(PUBLIC_RAW)}),
    "x5u": head(x5u="https://example.org/cert.pem"),
    "x5c": head(x5c=["MIIB"]),
    "zip": head(zip="DEF"),
    "cty": head(cty="JWT"),
    "header that is a list": signed("[]"),
    "header that is no JSON": signed("{"),
    "header with a name twice": signed(json.dumps(HEADER)[:-1] + ', "alg": "none"}'),
    # claims that are missing, of the wrong type or of somebody else; all rightly signed
    **{
        f"no {name}": without(name)
        for name in ("iss", "aud", "exp", "iat", "nbf", "jti", "type", "sub", "tenant_id", "role")
    },
    "no kind": without("kind"),
    "a seat of no room": without("room_id"),
    "iss of another": claim(iss="someone"),
    "iss that starts alike": claim(iss="parley.example.org"),
    "iss cut short (CVE-2024-53861)": claim(iss="parl"),
    "iss that is a list": claim(iss=["parley"]),
    "iss empty": claim(iss=""),
    "aud of another dialect": claim(aud=["kcs"]),
    "aud empty": claim(aud=[]),
    "aud null": claim(aud=None),
    "aud alike": claim(aud=["chalk2"]),
    "aud that is text": claim(aud="chalk"),
    "exp as text": claim(exp=str(NOW + 900)),
    "exp as a fraction": claim(exp=NOW + 0.5),
    "exp NaN": signed(claims=json.dumps(CLAIMS).replace(str(NOW + 900), "NaN")),
    "exp Infinity": signed(claims=json.dumps(CLAIMS).replace(str(NOW + 900), "Infinity")),
    "exp 1e30": signed(claims=json.dumps(CLAIMS).replace(str(NOW + 900), "1e30")),
    "exp of 4,000 digits": signed(claims=json.dumps(CLAIMS).replace(str(NOW + 900), "9" * 4000)),
    "exp true": claim(exp=True),
    "exp null": claim(exp=None),
    "exp before iat": claim(iat=NOW, exp=NOW - 1),
    "a life too long": claim(exp=NOW + LONGEST_LIFE_S + 1),
    "iat as text": claim(iat=str(NOW)),
    "nbf as text": claim(nbf=str(NOW)),
    "nbf in the future": claim(nbf=NOW + LEEWAY_S + 1),
    "iat in the future": claim(iat=NOW + LEEWAY_S + 1),
    "a refresh token as access": claim(type="refresh"),
    "type of no kind": claim(type="admin"),
    "type in upper case": claim(type="ACCESS"),
    "tenant_id that is no id": claim(tenant_id="x"),
    "tenant_id null": claim(tenant_id=None),
    "room_id that is no id": claim(room_id="%"),
    "role of no kind": claim(role="root"),
    "kind of no kind": claim(kind="operator"),
    "jti that is no id": claim(jti="1"),
    "payload that is a list": signed(claims="[]"),
    "payload that is null": signed(claims="null"),
    "payload that is no JSON": signed(claims="{"),
    "payload nested deeply": signed(claims="[" * 1500 + "]" * 1500),
    # what is no token at all
    "empty": "",
    "dots": "..",
    "text": "a.b.c",
    "percent": "%.%.%",
    "a megabyte": "a" * 1_000_000 + ".b.c",
    "not ASCII": "é.é.é",
    "a NUL": "\0.\0.\0",
    "spaces within": f"{A} .{B}.{C}",
    "a genuine one twice": f"{GENUINE}{GENUINE}",
}


def test_a_token_made_like_the_forged_ones_but_right_is_accepted() -> None:
    assert refused(tokens(Clock()), GENUINE) is None
    assert len(FORGED) >= 60


@pytest.mark.parametrize("name", FORGED)
def test_no_forged_token_is_accepted(name: str) -> None:
    made = tokens(Clock())

    assert refused(made, FORGED[name]) is Reason.BAD_CREDENTIALS
    # A refusal is no more lenient the second time.
    assert refused(made, FORGED[name]) is Reason.BAD_CREDENTIALS


def test_an_expired_token_is_told_so() -> None:
    expired = claim(iat=NOW - 2000, nbf=NOW - 2000, exp=NOW - LEEWAY_S)

    assert refused(tokens(Clock()), expired) is Reason.TOKEN_EXPIRED
