"""Every family of forged tokens, against every kind of issuer, on every dialect: none gets in."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest

from handlers.auth import Principal, principal_of_bearer
from handlers.tokens import DIALECTS, Identity
from infra.contract.ids import RoomId, TenantId, new_id
from infra.contract.refusals import Refused
from tests.support.api import Api
from tests.support.api import api as open_api
from tests.support.forge import Json, Sign, Signer, as_bytes, encoded, hmac_with, jws
from tests.support.key_server import key_server

AUDIENCE = "parley-clients"
STATIC = ("RS256", "RS512", "PS256", "ES256", "EdDSA", "HS256", "HS512")
ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "ES256K", "EdDSA"),
)
PATHS = {"chalk": "/api/v1/rooms", "kcs": "/api/meeting", "chroom": "/api/meetings"}
DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000


@dataclass(frozen=True)
class Issuer:
    """A good token, taken apart."""

    name: str
    signer: Signer
    header: dict[str, Any]
    claims: dict[str, Any]
    strangers: tuple[str, ...]
    "Tenants that do not trust it."
    own: bool = False
    must: frozenset[str] = field(
        default_factory=lambda: frozenset({"user_id", "role", "exp", "campus_id"})
    )
    "Claims it does not do without."

    def token(
        self, header: Json | None = None, claims: Json | None = None, sign: Any = None
    ) -> str:
        return jws(
            self.header if header is None else header,
            self.claims if claims is None else claims,
            sign or self.signer.sign,
        )


# --- families ---


def wrong_algorithm(issuer: Issuer) -> Iterator[str]:
    nothing: Sign = lambda _: b""  # noqa: E731
    for name in ("none", "None", "nOnE", "NONE", "", "null"):
        header = {**issuer.header, "alg": name}
        yield issuer.token(header)
        yield issuer.token(header, sign=nothing)
    for name in ALGORITHMS:
        if name != issuer.signer.algorithm:
            yield issuer.token({**issuer.header, "alg": name})
    for value in (None, 1, True, [issuer.signer.algorithm], {"name": issuer.signer.algorithm}):
        yield issuer.token({**issuer.header, "alg": value})
    yield issuer.token({"typ": "JWT"})
    yield issuer.token({**issuer.header, "alg": issuer.signer.algorithm.swapcase()})


def key_confusion(issuer: Issuer) -> Iterator[str]:
    """What is public used as a secret (CVE-2022-29217), and secrets that are none."""
    guesses = [b"", b"\0", b"secret", b"key", b"\0" * 32, b"parley", issuer.name.encode()]
    if not issuer.signer.is_symmetric:
        pem = issuer.signer.pem
        guesses += [pem.encode(), pem.strip().encode(), pem.replace("\n", "").encode()]
        guesses += [issuer.signer.der, json.dumps(issuer.signer.jwk()).encode()]
    for bits in (256, 384, 512):
        for guess in guesses:
            yield issuer.token({**issuer.header, "alg": f"HS{bits}"}, sign=hmac_with(guess, bits))


def wrong_key(issuer: Issuer) -> Iterator[str]:
    other = Signer.new(issuer.signer.algorithm)
    if issuer.signer.is_symmetric:
        other = Signer(issuer.signer.algorithm, b"another secret of thirty-two bytes")
    yield issuer.token(sign=other.sign)
    if other.is_symmetric:
        return
    jwk = other.jwk("attacker")
    for more in (
        {"jwk": jwk},
        {"jku": "https://attacker.example/jwks", "kid": "attacker"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": [encoded(other.der)]},
        {"kid": "attacker", "jwk": jwk, "jku": "http://127.0.0.1/"},
    ):
        yield issuer.token({**issuer.header, **more}, sign=other.sign)


def broken_signature(issuer: Issuer) -> Iterator[str]:
    good = issuer.token()
    head, body, signature = good.split(".")
    raw = jwt.utils.base64url_decode(signature)
    size = len(raw)
    for at in (0, 1, size // 3, size // 2, size - 2, size - 1):
        flipped = bytearray(raw)
        flipped[at] ^= 0x10
        yield f"{head}.{body}.{encoded(bytes(flipped))}"
    for other in (b"", b"\0" * size, raw[:-1], raw[: size // 2], raw + b"\0", raw[::-1], raw * 2):
        yield f"{head}.{body}.{encoded(other)}"
    elsewhere = issuer.token(claims={**issuer.claims, "role": "student"}).split(".")
    yield f"{head}.{body}.{elsewhere[2]}"
    yield f"{head}.{elsewhere[1]}.{signature}"


def odd_header(issuer: Issuer) -> Iterator[str]:
    plain = issuer.header
    for more in (
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": "exp"},
        {"typ": "rt+jwt"},
        {"typ": "invite+jwt"},
        {"typ": "secevent+jwt"},
        {"typ": "logout+jwt"},
        {"typ": "JOSE"},
        {"typ": 5},
        {"typ": ["JWT"]},
        {"kid": 1},
        {"kid": ["a"]},
        {"kid": {"a": 1}},
        {"kid": "x" * 300},
    ):
        yield issuer.token({**plain, **more})
    for kid in (
        *("../../../../../dev/null", "/dev/null", "file:///dev/null", "k' UNION SELECT 'x' --"),
        *("' OR '1'='1", "http://attacker.example/k", "a\0b", "$(id)", "| cat /etc/passwd"),
    ):
        yield issuer.token({**plain, "alg": "HS256", "kid": kid}, sign=hmac_with(b"", 256))
        yield issuer.token({**plain, "kid": kid}, sign=hmac_with(b"x", 256))
    text = json.dumps(plain)[1:-1].encode()
    for raw in (
        b'{"alg":"none",' + text + b"}",
        b"{" + text + b',"alg":"none"}',
        b"[]",
        b'"x"',
        b"5",
        b"",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{" + text + b"}",
        b"{" + text + b',"x":NaN}',
        DEEP,
    ):
        yield issuer.token(raw)


def odd_times(issuer: Issuer) -> Iterator[str]:
    now = int(time.time())
    plain = issuer.claims
    for exp in (None, "soon", str(now + 600), True, [now + 600], {}, -1, 0, now - 3600, -1e308):
        yield issuer.token(claims={**plain, "exp": exp})
    yield issuer.token(claims={name: plain[name] for name in plain if name != "exp"})
    for far in (math.nan, math.inf, -math.inf, 1e30, 2**63, 2**53 + now, now + 400 * 86_400):
        yield issuer.token(claims={**plain, "exp": far})
    text = json.dumps({name: plain[name] for name in plain if name != "exp"})[1:-1].encode()
    for raw in (b"1e400", b"NaN", b"-Infinity", b"0x7fffffff", b"9" * 5000, b"1e999999999"):
        yield issuer.token(claims=b"{" + text + b',"exp":' + raw + b"}")
    for name in ("nbf", "iat"):
        for value in (now + 3600, "now", [], math.nan, True, -5):
            yield issuer.token(claims={**plain, name: value})
    yield issuer.token(claims={**plain, "iat": now, "exp": now - 1})


def wrong_claims(issuer: Issuer) -> Iterator[str]:
    plain = issuer.claims
    iss = plain["iss"]
    for value in (
        *(iss[:-1], iss + "/", iss + "x", iss.upper() + "!", "", [iss], {"x": iss}, 5, "\0" + iss),
        *("https://attacker.example", f"{iss} ", "parley" if not issuer.own else "elsewhere"),
    ):
        yield issuer.token(claims={**plain, "iss": value})
    # A tenant that trusts several must be told which; ours always says.
    yield issuer.token(claims={name: plain[name] for name in plain if name != "iss"})
    for aud in (None, "", [], "other", [5], 5, {}, "parley-client", "parley-clients ", ["x", "y"]):
        yield issuer.token(claims={**plain, "aud": aud})
    yield issuer.token(claims={name: plain[name] for name in plain if name != "aud"})
    for stranger in issuer.strangers:
        both = {"campus_id": stranger, "tenant_id": stranger}
        yield issuer.token(claims={**plain, **both})
    for nobody in (None, 5, [], "", "campus' OR 1=1 --", "x" * 300, {}, "*", "\0", "\ud800"):
        yield issuer.token(claims={**plain, "campus_id": nobody, "tenant_id": nobody})
    for name in sorted(issuer.must):
        yield issuer.token(claims={key: plain[key] for key in plain if key != name})
        for value in (5.5, [], "", {}, True):
            yield issuer.token(claims={**plain, name: value})
    for type in ("refresh", "invite", "id", "logout", 5):
        yield issuer.token(claims={**plain, "type": type})
    for room in ("everywhere", 5, "../" * 12):
        yield issuer.token(claims={**plain, "room_id": room})


def odd_json(issuer: Issuer) -> Iterator[str]:
    text = json.dumps(issuer.claims)[1:-1].encode()
    for raw in (
        b"{" + text + b',"exp":99999999999}',
        b'{"role":"admin",' + text + b"}",
        b"{" + text + b',"campus_id":"x"}',
        b"{" + text + b',"x":NaN}',
        b"{" + text + b',"x":-Infinity}',
        b"{" + text + b",}",
        b"{" + text + b"} {}",
        b"{" + text,
        b"[{" + text + b"}]",
        b"\xff{" + text + b"}",
        b"\xef\xbb\xbf{" + text + b"}",
        as_bytes({**issuer.claims}).decode().encode("utf-16"),
        b"null",
        b"",
        DEEP,
    ):
        yield issuer.token(claims=raw)
    yield issuer.token(claims={**issuer.claims, "padding": "x" * 8000})
    yield issuer.token(claims={**issuer.claims, "padding": "x" * 1_000_000})


def odd_shape(issuer: Issuer) -> Iterator[str]:
    good = issuer.token()
    head, body, signature = good.split(".")
    yield from (f"{head}.{body}", f"{head}.{body}.", f".{body}.{signature}", f"{head}..{signature}")
    yield from (f"{good}.", f"{good}.{signature}", f"{good}.a.b", "..", ".", f"{head}.{body}..")
    yield from (f"{head}=.{body}.{signature}", f"{good}=", f"{head}.{body}==.{signature}")
    yield from (f"{head}. {body}.{signature}", f"{head}.{body}\t.{signature}", f"{good}%20")
    yield json.dumps({"protected": head, "payload": body, "signature": signature, "x": "."})
    yield good.replace(".", "。", 1) + "."
    yield f"{head}.{body}.{signature[:-1]}+"
    yield f"{head}.{body}.{signature}\n"[:-1] + "/"


FAMILIES = (
    *(wrong_algorithm, key_confusion, wrong_key, broken_signature, odd_header),
    *(odd_times, wrong_claims, odd_json, odd_shape),
)


# --- the world they are tried in ---


@asynccontextmanager
async def world(home: Path, database_url: str) -> AsyncIterator[tuple[Api, list[Issuer]]]:
    """A tenant for each kind of issuer, each of which trusts one more, and our own."""
    async with (
        open_api(home, database_url, allow_private_urls="127.0.0.1") as api,
        key_server() as published,
    ):
        now = int(time.time())
        stranger, _ = await api.tenant()
        issuers = []
        for name in (*STATIC, "JWKS"):
            algorithm = "RS256" if name == "JWKS" else name
            signer = Signer.new(algorithm)
            told: dict[str, Any] = {"issuer": f"https://{name.lower()}.example"}
            told |= {"algorithm": algorithm, "audience": AUDIENCE}
            header = {"alg": algorithm, "typ": "JWT"}
            if name == "JWKS":
                published.keys = [signer.jwk("one"), Signer.new("ES256").jwk("two")]
                told["jwks_url"] = published.url
                header["kid"] = "one"
            elif signer.is_symmetric:
                told["secret"] = signer.private.decode()
            else:
                told["public_key"] = signer.pem
            tenant, key = await api.tenant()
            second = {
                "issuer": "https://second.example",
                "algorithm": "EdDSA",
                "public_key": Signer.new("EdDSA").pem,
            }
            answer = await api.call(
                "PATCH", f"/tenants/{tenant}/config", {"jwt_issuers": [told, second]}, key=key
            )
            assert answer.status_code == 200, answer.text
            claims = {
                "iss": told["issuer"],
                "aud": AUDIENCE,
                "user_id": "u7",
                "campus_id": tenant,
                "role": "teacher",
                "iat": now,
                "nbf": now,
                "exp": now + 600,
            }
            issuers.append(Issuer(name, signer, header, claims, (stranger, api.tenant_id)))
        yield api, [own(api, (stranger,)), *issuers]


def own(api: Api, strangers: tuple[str, ...]) -> Issuer:
    tokens = api.lobby.context.tokens
    identity = Identity(
        kind="tenant",
        sub="u7",
        user_id="u7",
        tenant_id=TenantId(UUID(api.tenant_id)),
        role="teacher",
    )
    good = tokens.pair(identity).access_token
    return Issuer(
        "own",
        Signer("EdDSA", api.lobby.context.secrets.signing_key),
        jwt.get_unverified_header(good),
        jwt.decode(good, options={"verify_signature": False}),
        # Ours may speak for any tenant: whoever can sign as we do needs no forgery.
        (),
        own=True,
        must=frozenset({"kind", "sub", "role", "exp", "iat", "nbf", "jti", "type", "tenant_id"}),
    )


async def accepted(api: Api, token: str) -> Principal | None:
    for audience in DIALECTS:
        try:
            return await principal_of_bearer(api.lobby.context, token, audience)
        except Refused:
            continue
    return None


async def test_of_five_hundred_forged_tokens_and_more_none_gets_in(
    tmp_path: Path, database_url: str
) -> None:
    async with world(tmp_path / "home", database_url) as (api, issuers):
        tried, let_in = 0, []
        for issuer in issuers:
            assert await accepted(api, issuer.token()), f"{issuer.name}: the good one"
            for family in FAMILIES:
                for number, token in enumerate(family(issuer)):
                    tried += 1
                    if await accepted(api, token):
                        let_in.append(f"{issuer.name} {family.__name__} {number}")

            # Nothing that was tried spoils what is good.
            assert await accepted(api, issuer.token()), f"{issuer.name}: the good one, again"

    assert let_in == []
    assert tried >= 500


async def test_every_dialect_answers_forged_tokens_with_401(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with world(tmp_path / "home", sqlite_url) as (api, issuers):
        for issuer in issuers:
            forged = [token for family in FAMILIES for token in list(family(issuer))[1::9]]
            for path in PATHS.values():
                headers = {"Authorization": f"Bearer {issuer.token()}"}
                assert (await api.http.get(path, headers=headers)).status_code == 200
            for number, token in enumerate(token for token in forged if token.isprintable()):
                if not token.isascii():
                    continue
                dialect = DIALECTS[number % len(DIALECTS)]
                answer = await api.http.get(
                    PATHS[dialect], headers={"Authorization": f"Bearer {token}"}
                )
                assert answer.status_code == 401, (issuer.name, dialect, token[:200])


@pytest.mark.parametrize("dialect", ["kcs", "chroom"])
async def test_a_seats_token_is_no_good_elsewhere(api: Api, dialect: str) -> None:
    room = await api.room()
    token = (await api.seat(room))["access_token"]

    answer = await api.http.get(PATHS[dialect], headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401


async def test_a_token_of_room_a_is_no_good_in_room_b(api: Api) -> None:
    a, b = await api.room(), await api.room()
    token = (await api.seat(a))["access_token"]

    assert (await api.call("GET", f"/rooms/{a}", token=token)).status_code == 200
    for method, path in (("GET", f"/rooms/{b}"), ("GET", f"/rooms/{b}/participants")):
        assert (await api.call(method, path, token=token)).status_code == 404


async def test_tokens_of_one_kind_are_no_good_as_another(api: Api) -> None:
    tokens = api.lobby.context.tokens
    pair = await api.made("/auth/token", {"api_key": api.key}, key="")
    invite = tokens.invite(
        Identity(
            kind="tenant",
            sub="x",
            tenant_id=tokens.verify(pair["access_token"]).tenant_id,
            role="host",
            room_id=RoomId(new_id()),
        ),
        600,
    )
    for wrong in (pair["refresh_token"], invite):
        assert await accepted(api, wrong) is None
