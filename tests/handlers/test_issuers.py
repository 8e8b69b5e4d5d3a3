from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from handlers.auth import Principal, principal_of_bearer
from handlers.issuers import MASK
from handlers.tokens import LONGEST_LIFE_S
from infra.contract.commands import NotePerson
from infra.contract.ids import RoomId, new_id
from infra.contract.refusals import Reason, Refused
from infra.contract.views import Role
from tests.support.api import Api
from tests.support.api import api as open_api
from tests.support.forge import Signer, jws
from tests.support.key_server import key_server
from tests.support.keys import stored

ISSUER = "https://school.example"
ED, RSA, HS = Signer.new("EdDSA"), Signer.new("RS256"), Signer.new("HS256")
SECRET = HS.private.decode()


@pytest.fixture
async def api(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Api]:
    async with open_api(tmp_path / "home", sqlite_url, allow_private_urls="127.0.0.1") as made:
        yield made


def issuer(signer: Signer = ED, name: str = ISSUER, **more: Any) -> dict[str, Any]:
    key = {"secret": signer.private.decode()} if signer.is_symmetric else {"public_key": signer.pem}
    return {"issuer": name, "algorithm": signer.algorithm, **key, **more}


async def trust(api: Api, *issuers: dict[str, Any], status: int = 200) -> Any:
    answer = await api.call(
        "PATCH", f"/tenants/{api.tenant_id}/config", {"jwt_issuers": list(issuers)}
    )
    assert answer.status_code == status, answer.text
    return answer.json()


def token(api: Api, signer: Signer = ED, header: dict[str, Any] | None = None, **more: Any) -> str:
    claims = {
        "iss": ISSUER,
        "user_id": "u7",
        "campus_id": api.tenant_id,
        "role": "teacher",
        "exp": int(time.time()) + 600,
        **more,
    }
    given = {name: value for name, value in claims.items() if value is not ...}
    return jws({"alg": signer.algorithm, **(header or {})}, given, signer.sign)


async def who(api: Api, token: str) -> Principal:
    return await principal_of_bearer(api.lobby.context, token, "kcs")


async def refused(api: Api, token: str) -> Reason | None:
    try:
        await who(api, token)
    except Refused as no:
        return no.refusal.reason
    return None


@pytest.mark.parametrize("signer", [ED, RSA, HS], ids=lambda signer: signer.algorithm)
async def test_a_user_comes_with_the_three_claims_of_the_reference(
    api: Api, signer: Signer
) -> None:
    await trust(api, issuer(signer))

    found = await who(api, token(api, signer))

    assert (found.kind, str(found.tenant_id), found.user_id) == ("tenant", api.tenant_id, "u7")
    assert (found.role, found.role_name, found.governs) == (Role.HOST, "teacher", False)
    meetings = await api.http.get(
        "/api/meeting", headers={"Authorization": f"Bearer {token(api, signer)}"}
    )
    assert meetings.status_code == 200
    assert (await api.call("GET", "/rooms", token=token(api, signer))).status_code == 200


@pytest.mark.parametrize(
    ("role", "is_here", "admin"),
    [
        ("teacher", Role.HOST, False),
        ("Admin", Role.HOST, True),
        ("Super Admin", Role.HOST, True),
        ("student", Role.ATTENDEE, False),
        ("co-host", Role.CO_HOST, False),
        ("Chief Janitor", Role.ATTENDEE, False),
    ],
)
async def test_a_role_word_nobody_knows_is_an_attendees(
    api: Api, role: str, is_here: Role, admin: bool
) -> None:
    await trust(api, issuer())

    found = await who(api, token(api, role=role))

    assert (found.role, found.role_name, found.is_admin) == (is_here, role, admin)


async def test_what_else_a_token_says_of_somebody_is_taken_over(api: Api) -> None:
    await trust(api, issuer())
    room = RoomId(new_id())

    named = await who(api, token(api, name="Ann", email="ann@school.example", room_id=str(room)))
    called = await who(api, token(api, name="Ann Lee", display_name="Annie"))

    assert (named.display_name, named.email, named.room_id) == ("Ann", "ann@school.example", room)
    assert (called.display_name, called.room_id) == ("Annie", None)


async def test_who_is_seen_in_a_token_becomes_known_to_the_directory_once(api: Api) -> None:
    await trust(api, issuer())
    for _ in range(3):
        await who(api, token(api, name="Ann", email="ann@school.example"))
    await who(api, token(api, user_id="u8"))
    own = await api.made("/auth/token", {"api_key": api.key, "user_id": "u9"}, key="")
    await who(api, own["access_token"])
    await who(api, (await api.made("/auth/token", {"api_key": api.key}, key=""))["access_token"])

    told = [told.person for told in api.bus.told if isinstance(told, NotePerson)]

    assert [person.user_id for person in told] == ["u7", "u8", "u9"]
    assert (told[0].name, told[0].email, told[0].role) == ("Ann", "ann@school.example", "teacher")


async def test_a_directory_that_is_away_locks_nobody_out(api: Api) -> None:
    await trust(api, issuer())
    api.bus.down = True

    assert (await who(api, token(api))).user_id == "u7"


async def test_a_campus_may_have_a_name_of_its_own(api: Api) -> None:
    await trust(api, issuer())
    path = f"/tenants/{api.tenant_id}"
    body = {"external_ref": "campus_001"}
    mine = await api.call("PATCH", path, body)
    assert mine.status_code == 403
    assert (await api.call("PATCH", path, body, key=api.operator)).json()["external_ref"] == (
        "campus_001"
    )
    other, _ = await api.tenant()

    assert str((await who(api, token(api, campus_id="campus_001"))).tenant_id) == api.tenant_id
    taken = await api.call("PATCH", f"/tenants/{other}", body, key=api.operator)
    assert (taken.status_code, taken.json()["error"]) == (400, "external_ref is taken")
    as_id = {"name": "x", "external_ref": api.tenant_id}
    assert (await api.call("POST", "/tenants", as_id, key=api.operator)).status_code == 400


async def test_tenant_id_will_do_where_there_is_no_campus(api: Api) -> None:
    await trust(api, issuer())

    assert await who(api, token(api, campus_id=..., tenant_id=api.tenant_id))


async def test_the_only_issuer_of_a_tenant_may_leave_its_name_out(api: Api) -> None:
    await trust(api, issuer())
    assert await refused(api, token(api, iss=...)) is None

    await trust(api, issuer(), issuer(RSA, "https://second.example"))
    assert await refused(api, token(api, iss=...)) is Reason.BAD_CREDENTIALS
    assert await refused(api, token(api)) is None
    assert await refused(api, token(api, RSA, iss="https://second.example")) is None
    assert await refused(api, token(api, RSA)) is Reason.BAD_CREDENTIALS


async def test_an_audience_is_checked_where_one_is_set(api: Api) -> None:
    await trust(api, issuer(audience="parley"))

    assert await refused(api, token(api, aud="parley")) is None
    assert await refused(api, token(api, aud=["x", "parley"])) is None
    for wrong in (..., "x", ["x"], []):
        assert await refused(api, token(api, aud=wrong)) is Reason.BAD_CREDENTIALS
    await trust(api, issuer())
    assert await refused(api, token(api, aud="anybody")) is None


async def test_times_are_checked_each_time_a_token_is_shown(api: Api) -> None:
    await trust(api, issuer())
    now = time.time()

    assert await refused(api, token(api, exp=now - 60)) is Reason.TOKEN_EXPIRED
    assert await refused(api, token(api, exp=now + 600.5, iat=now, nbf=now - 1)) is None
    assert await refused(api, token(api, nbf=now + 60)) is Reason.BAD_CREDENTIALS
    long = {"iat": now, "exp": now + LONGEST_LIFE_S + 10}
    assert await refused(api, token(api, **long)) is Reason.BAD_CREDENTIALS


async def test_an_issuer_trusted_no_more_is_refused_within_seconds(api: Api) -> None:
    await trust(api, issuer())
    good = token(api)
    assert await refused(api, good) is None

    await trust(api)

    assert await refused(api, good) is Reason.BAD_CREDENTIALS


async def test_a_tenant_speaks_for_its_own_users_only(api: Api) -> None:
    await trust(api, issuer())
    other, key = await api.tenant()
    body = {"jwt_issuers": [issuer(RSA)]}
    assert (await api.call("PATCH", f"/tenants/{other}/config", body, key=key)).is_success

    assert await refused(api, token(api, RSA)) is Reason.BAD_CREDENTIALS
    assert await refused(api, token(api, campus_id=other)) is Reason.BAD_CREDENTIALS
    assert (await who(api, token(api, RSA, campus_id=other))).tenant_id == UUID(other)


async def test_keys_that_are_published_may_be_changed(api: Api) -> None:
    async with key_server() as server:
        server.keys = [RSA.jwk("one")]
        told = {"issuer": ISSUER, "algorithm": "RS256", "jwks_url": server.url}
        await trust(api, told)

        assert await refused(api, token(api, RSA, {"kid": "one"})) is None
        assert await refused(api, token(api, RSA)) is None
        new = Signer.new("RS256")
        server.keys = [RSA.jwk("one"), new.jwk("two")]
        # A token that names a key nobody knows makes us ask again, though not at once.
        api.lobby.context.issuers._key_sets._clock = lambda: time.monotonic() + 31
        assert await refused(api, token(api, new, {"kid": "two"})) is None
        assert await refused(api, token(api, new, {"kid": "one"})) is Reason.BAD_CREDENTIALS
        assert server.asked == 2


async def test_an_issuer_that_cannot_be_asked_is_an_outage(api: Api) -> None:
    async with key_server() as server:
        server.status = 500
        await trust(api, {"issuer": ISSUER, "algorithm": "RS256", "jwks_url": server.url})

        answer = await api.call("GET", "/rooms", token=token(api, RSA))

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_a_secret_is_never_shown_and_never_stored_as_it_is(api: Api) -> None:
    shown = await trust(api, issuer(HS))
    (told,) = shown["config"]["jwt_issuers"]

    assert (told["secret"], shown["tenant_config"]) == (MASK, shown["config"])
    for text in (
        (await api.call("GET", f"/tenants/{api.tenant_id}")).text,
        str(api.bus.asked),
        stored(api).decode("latin-1"),
    ):
        assert "jwt_issuers" in text
        assert SECRET not in text
    assert "sealed" not in str(shown)


async def test_what_is_shown_of_a_secret_leaves_it_as_it_is(api: Api) -> None:
    await trust(api, issuer(HS))
    await trust(api, {**issuer(HS), "secret": MASK}, issuer(RSA, "https://second.example"))

    assert await refused(api, token(api, HS)) is None
    await trust(api, {**issuer(Signer.new("HS512")), "secret": MASK}, status=400)


WEAK = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"public_key": RSA.pem}, "EdDSA needs an Ed25519 public key"),
    ({"algorithm": "ES256", "public_key": ED.pem}, "ES256 needs"),
    ({"algorithm": "RS256"}, "RS256 needs an RSA public key"),
    ({"public_key": WEAK}, "not a public key in PEM"),
    ({"public_key": "x"}, "not a public key in PEM"),
    ({"public_key": None}, "one of"),
    ({"secret": SECRET}, "one of"),
    ({"jwks_url": "https://keys.example/"}, "one of"),
    ({"public_key": None, "secret": SECRET}, "secret goes with"),
    ({"algorithm": "HS256"}, "HS256 has no public key"),
    ({"algorithm": "HS256", "public_key": None, "secret": "x" * 31}, "32 bytes"),
    ({"algorithm": "HS256", "public_key": None, "secret": "x" * 40}, "repeats"),
    ({"algorithm": "HS256", "public_key": None, "secret": RSA.pem}, "a key is no secret"),
    ({"algorithm": "HS256", "public_key": None, "secret": MASK}, "32 bytes"),
    ({"algorithm": "none"}, "algorithm"),
    ({"algorithm": "HS384"}, "algorithm"),
    ({"issuer": ""}, "issuer"),
    ({"issuer": "parley"}, "our own name"),
    ({"unknown": 1}, "unknown"),
    ({"algorithm": "RS256", "public_key": None, "jwks_url": "http://8.8.8.8/"}, "https"),
    ({"algorithm": "RS256", "public_key": None, "jwks_url": "https://10.0.0.1/"}, "public address"),
    ({"algorithm": "RS256", "public_key": None, "jwks_url": "https://[::1]/x"}, "public address"),
]


async def test_an_issuer_with_a_key_that_cannot_be_trusted_is_refused(api: Api) -> None:
    for more, why in REFUSED:
        told = await trust(api, {**issuer(), **more}, status=400)
        assert why in told["error"] + told.get("detail", ""), (more, told)
    await trust(api, issuer(), issuer(RSA), status=400)
    six = [issuer(name=f"https://{number}.example") for number in range(6)]
    await trust(api, *six, status=400)
    await trust(api, *six[:5])


async def test_short_rsa_keys_and_other_curves_are_weak(api: Api) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    short = Signer("RS256", rsa.generate_private_key(65537, 1024))
    other = Signer("ES256", ec.generate_private_key(ec.SECP384R1()))

    assert "2048 bits" in (await trust(api, issuer(short), status=400))["error"]
    assert "P-256" in (await trust(api, issuer(other), status=400))["error"]
