from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import jwt

from infra.contract.commands import DeleteTenant, RevokeKey
from infra.contract.ids import KeyId, TenantId, new_id
from infra.contract.scopes import EVERY_SCOPE
from tests.support.api import Api
from tests.support.keys import Key, key_of, new_key

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def basic(key: Key) -> str:
    return "Basic " + base64.b64encode(f"{key.id}:{key.text}".encode()).decode()


async def post(api: Api, path: str, form: Any, **headers: str) -> httpx2.Response:
    content = form if isinstance(form, bytes) else urlencode(form).encode()
    return await api.http.post(path, content=content, headers={**FORM, **headers})


async def granted(api: Api, key: Key, **form: str) -> dict[str, Any]:
    answer = await post(
        api,
        "/oauth/token",
        {"grant_type": "client_credentials", **form},
        Authorization=basic(key),
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def introspected(api: Api, key: Key, token: str) -> dict[str, Any]:
    answer = await post(api, "/oauth/introspect", {"token": token}, Authorization=basic(key))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def opens(api: Api, credential: str) -> int:
    """The status Chroom answers a list of meetings with."""
    headers = {"Authorization": f"Bearer {credential}"}
    return (await api.http.get("/api/meetings", headers=headers)).status_code


async def test_a_key_buys_an_access_token_for_chroom(api: Api) -> None:
    key = await new_key(api, "meetings:read", "meetings:write")

    answer = await post(
        api, "/oauth/token", {"grant_type": "client_credentials"}, Authorization=basic(key)
    )

    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 900)
    assert told["scope"] == "meetings:read meetings:write"
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["client_id"]) == (["chroom"], str(key.id))
    assert jwt.get_unverified_header(told["access_token"])["typ"] == "at+jwt"
    assert await opens(api, told["access_token"]) == 200


async def test_the_secret_may_come_in_the_form(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    form = {
        "grant_type": "client_credentials",
        "client_id": str(key.id),
        "client_secret": key.text,
    }

    assert (await post(api, "/oauth/token", form)).status_code == 200


async def test_a_token_may_be_good_for_less_than_its_key(api: Api) -> None:
    key = await new_key(api, "meetings:read", "streams:read")

    told = await granted(api, key, scope="streams:read")

    assert told["scope"] == "streams:read"
    assert await opens(api, told["access_token"]) == 403
    assert await opens(api, key.text) == 200


async def test_a_tenants_own_key_is_a_client_with_every_scope(api: Api) -> None:
    told = await granted(api, await key_of(api, api.key))

    assert set(told["scope"].split()) == {scope.value for scope in EVERY_SCOPE}


async def test_tokens_of_clients_are_good_for_no_other_dialect(api: Api) -> None:
    token = (await granted(api, await new_key(api, "meetings:read")))["access_token"]

    assert (await api.call("GET", "/rooms", token=token)).status_code == 401
    meetings = await api.http.get("/api/meeting", headers={"Authorization": f"Bearer {token}"})
    assert meetings.status_code == 401


BAD = [
    ({}, 400, "invalid_request"),
    ({"grant_type": ""}, 400, "invalid_request"),
    ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
    ({"grant_type": "authorization_code", "code": "x"}, 400, "unsupported_grant_type"),
    ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "unsupported_grant_type"),
    ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, 400, "unsupported_grant_type"),
    ({"grant_type": 'x"\n<script>'}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials", "scope": "meetings:write"}, 400, "invalid_scope"),
    ({"grant_type": "client_credentials", "scope": "meetings:read admin"}, 400, "invalid_scope"),
    ({"grant_type": "client_credentials", "scope": "*"}, 400, "invalid_scope"),
    ({"grant_type": "client_credentials", "client_secret": "again"}, 400, "invalid_request"),
    ({"grant_type": "client_credentials", "client_id": "another"}, 400, "invalid_request"),
    (b"grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
    (b"grant_type=client_credentials&scope=meetings:read&scope=x", 400, "invalid_request"),
    (b"grant_type=client_credentials\0", 400, "invalid_request"),
    (b"grant_type=client_credentials&scope=%00", 400, "invalid_request"),
    (b"\xff\xfe", 400, "invalid_request"),
    (b"a=1&" * 50, 400, "invalid_request"),
    (b"a=" + b"x" * 40_000, 400, "invalid_request"),
    (b'{"grant_type":"client_credentials"}', 400, "invalid_request"),
]


async def test_a_bad_token_request_is_told_what_is_wrong(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    for form, status, error in BAD:
        answer = await post(api, "/oauth/token", form, Authorization=basic(key))

        assert (answer.status_code, answer.json()["error"]) == (status, error), form
        assert answer.headers["cache-control"] == "no-store"


async def test_whoever_is_no_client_is_challenged_and_told_nothing_else(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    other = await new_key(api, "meetings:read")
    none = Key(KeyId(new_id()), "chroom_live_wrong")
    said = set()
    for wrong in (
        Key(key.id, "chroom_live_wrong"),
        Key(key.id, other.text),
        Key(key.id, api.key),
        Key(KeyId(new_id()), key.text),
        Key(key.id, api.operator),
        Key(key.id, "x" * 10_000),
        none,
    ):
        answer = await post(
            api,
            "/oauth/token",
            {"grant_type": "client_credentials"},
            Authorization=basic(wrong),
        )
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        said.add(answer.text)
    odd = ["Basic !!", "Basic", "Basic AA==", "Basic Og==", f"Bearer {key.text}"]
    for headers in ({}, *({"Authorization": value} for value in odd)):
        answer = await post(api, "/oauth/token", {"grant_type": "client_credentials"}, **headers)
        assert answer.status_code == 401
        said.add(answer.text)

    binary = {"Authorization": "Basic //79"}
    answer = await post(api, "/oauth/token", {"grant_type": "client_credentials"}, **binary)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert len(said) == 1
    assert '"invalid_client"' in said.pop()


async def test_nothing_is_taken_from_a_url(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    query = urlencode({"client_id": str(key.id), "client_secret": key.text, "token": "x"})
    form = {"grant_type": "client_credentials", "token": "x"}
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        answer = await post(api, f"{path}?{query}", form)

        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert (await api.http.get(path)).status_code == 405


async def test_a_revoked_token_opens_nothing(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    token, kept = [(await granted(api, key))["access_token"] for _ in range(2)]
    assert (await introspected(api, key, token))["active"] is True

    answer = await post(api, "/oauth/revoke", {"token": token}, Authorization=basic(key))

    assert (answer.status_code, answer.json()) == (200, {})
    assert await opens(api, token) == 401
    assert await introspected(api, key, token) == {"active": False}
    assert await opens(api, kept) == 200
    again = await post(api, "/oauth/revoke", {"token": token}, Authorization=basic(key))
    assert again.status_code == 200


async def test_a_refresh_token_is_revoked_too(api: Api) -> None:
    pair = await api.made("/auth/token", {"api_key": api.key}, key="")
    mine = await key_of(api, api.key)
    form = {"token": pair["refresh_token"], "token_type_hint": "refresh_token"}
    assert (await introspected(api, mine, pair["refresh_token"]))["active"] is True

    assert (await post(api, "/oauth/revoke", form, Authorization=basic(mine))).status_code == 200

    refresh = {"refresh_token": pair["refresh_token"]}
    assert (await api.call("POST", "/auth/refresh", refresh, key="")).status_code == 401
    assert await introspected(api, mine, pair["refresh_token"]) == {"active": False}


async def test_a_client_revokes_no_token_of_another(api: Api) -> None:
    key, other = await new_key(api, "meetings:read"), await new_key(api, "meetings:read")
    token = (await granted(api, key))["access_token"]

    refused = await post(api, "/oauth/revoke", {"token": token}, Authorization=basic(other))

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    _, theirs = await api.tenant()
    stranger = await post(
        api, "/oauth/revoke", {"token": token}, Authorization=basic(await key_of(api, theirs))
    )
    assert (stranger.status_code, stranger.json()) == (200, {})
    assert await opens(api, token) == 200


async def test_a_token_is_introspected_by_its_own_tenant_only(api: Api) -> None:
    key = await new_key(api, "meetings:read", "keys:read")
    token = (await granted(api, key, scope="meetings:read"))["access_token"]
    _, theirs = await api.tenant()

    told = await introspected(api, await key_of(api, api.key), token)

    assert (told["active"], told["scope"], told["client_id"]) == (
        True,
        "meetings:read",
        str(key.id),
    )
    assert told["exp"] - told["iat"] == 900
    assert await introspected(api, await key_of(api, theirs), token) == {"active": False}
    for junk in ("x", "a.b.c", token[:-4] + "AAAA", key.text):
        assert await introspected(api, key, junk) == {"active": False}


async def test_a_revoked_key_takes_its_tokens_along(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    token = (await granted(api, key))["access_token"]

    await api.bus.ask(RevokeKey(tenant_id=TenantId(UUID(api.tenant_id)), key_id=key.id))
    api.lobby.context.standing.forget()

    assert (await opens(api, key.text), await opens(api, token)) == (401, 401)
    answer = await post(
        api, "/oauth/token", {"grant_type": "client_credentials"}, Authorization=basic(key)
    )
    assert answer.status_code == 401


async def test_rotation_ends_the_tokens_of_the_old_key_and_leaves_keys_with_scopes(
    api: Api,
) -> None:
    old = await key_of(api, api.key)
    scoped = await new_key(api, "meetings:read")
    token = (await granted(api, old))["access_token"]

    new = await api.made(f"/tenants/{api.tenant_id}/rotate-key")

    assert (await opens(api, api.key), await opens(api, token)) == (401, 401)
    assert (await opens(api, new["api_key"]), await opens(api, scoped.text)) == (200, 200)


async def test_a_closed_tenants_clients_are_nobody(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    token = (await granted(api, key))["access_token"]
    await api.bus.ask(DeleteTenant(tenant_id=TenantId(UUID(api.tenant_id))))
    api.lobby.context.standing.forget()

    assert (await opens(api, key.text), await opens(api, token)) == (401, 401)


async def test_the_metadata_names_what_is_there(api: Api) -> None:
    told = (await api.http.get("/.well-known/oauth-authorization-server")).json()

    base = api.lobby.settings.base_url
    assert told["issuer"] == base
    assert told["grant_types_supported"] == ["client_credentials"]
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        path = told[name].removeprefix(base)
        assert (await post(api, path, {})).status_code in (400, 401)
    published = (await api.http.get(told["jwks_uri"].removeprefix(base))).json()
    token = (await granted(api, await new_key(api, "meetings:read")))["access_token"]
    key = jwt.PyJWK(published["keys"][0])
    assert published["keys"][0]["kid"] == jwt.get_unverified_header(token)["kid"]
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience="chroom")
    assert "d" not in published["keys"][0]


async def test_a_guesser_is_held_up(api: Api) -> None:
    api.lobby.context.limit.per_minute = 3
    key = Key(KeyId(new_id()), "chroom_live_wrong")

    statuses = [
        (
            await post(
                api, "/oauth/token", {"grant_type": "client_credentials"}, Authorization=basic(key)
            )
        ).status_code
        for _ in range(4)
    ]

    assert statuses == [401, 401, 401, 429]


async def test_an_outage_is_no_verdict(api: Api) -> None:
    key = await new_key(api, "meetings:read")
    token = (await granted(api, key))["access_token"]
    api.bus.down = True

    answer = await post(api, "/oauth/revoke", {"token": token}, Authorization=basic(key))

    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "retry-after" in answer.headers
