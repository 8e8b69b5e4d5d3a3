from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import jwt
import pytest

from handlers.operations.standing import REMEMBERED_S, Standing
from infra.contract.commands import RevokeKey, RevokeToken
from infra.contract.ids import TenantId, new_id
from infra.secrets import api_key_sha256
from tests.support.api import Api
from tests.support.keys import new_key, stored


async def test_an_api_key_buys_a_token_pair(api: Api) -> None:
    pair = await api.made("/auth/token", {"api_key": api.key}, key="")

    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    assert (await api.call("POST", "/rooms", {}, token=pair["access_token"])).status_code == 201


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_an_api_key_may_come_either_way(api: Api, header: str) -> None:
    value = api.key if header == "X-API-Key" else f"Bearer {api.key}"

    answer = await api.http.get("/api/v1/rooms", headers={header: value})

    assert answer.status_code == 200


async def test_a_user_of_the_tenant_is_named_in_their_token(api: Api) -> None:
    wish = {"api_key": api.key, "user_id": "u7", "display_name": "Ann", "role": "student"}

    token = (await api.made("/auth/token", wish, key=""))["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["user_id"]) == ("u7", "u7")
    assert (claims["role"], claims["display_name"]) == ("student", "Ann")
    assert claims["campus_id"] == claims["tenant_id"] == api.tenant_id


@pytest.mark.parametrize(
    ("role", "status"), [("student", 403), ("participant", 403), ("teacher", 201), ("host", 201)]
)
async def test_a_users_role_decides_what_they_may_do(api: Api, role: str, status: int) -> None:
    wish = {"api_key": api.key, "user_id": "u7", "role": role}
    token = (await api.made("/auth/token", wish, key=""))["access_token"]

    assert (await api.call("POST", "/rooms", {}, token=token)).status_code == status


async def test_a_user_does_not_govern_the_tenant_they_teach_in(api: Api) -> None:
    wish = {"api_key": api.key, "user_id": "u7", "role": "admin"}
    token = (await api.made("/auth/token", wish, key=""))["access_token"]

    answer = await api.call("POST", f"/tenants/{api.tenant_id}/rotate-key", {}, token=token)

    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient permissions")


async def test_a_token_for_one_room_sees_no_other(api: Api) -> None:
    mine, other = await api.room(), await api.room()
    wish = {"api_key": api.key, "room_id": mine}
    token = (await api.made("/auth/token", wish, key=""))["access_token"]

    assert (await api.call("GET", f"/rooms/{mine}", token=token)).status_code == 200
    assert (await api.call("GET", f"/rooms/{other}", token=token)).status_code == 404
    assert [room["id"] for room in (await api.got("/rooms", token=token))["rooms"]] == [mine]
    assert (await api.call("POST", "/rooms", {}, token=token)).status_code == 403
    path = f"/rooms/{other}/participants"
    assert (await api.call("POST", path, {"display_name": "A"}, token=token)).status_code == 404


async def test_no_token_for_a_room_of_another_tenant(api: Api) -> None:
    _, key = await api.tenant()

    answer = await api.call(
        "POST", "/auth/token", {"api_key": key, "room_id": await api.room()}, key=""
    )

    assert answer.status_code == 404


async def test_the_operators_key_is_no_tenants(api: Api) -> None:
    exchanged = await api.call("POST", "/auth/token", {"api_key": api.operator}, key="")
    rooms = await api.call("GET", "/rooms", key=api.operator)

    assert (exchanged.status_code, rooms.status_code) == (401, 403)


async def test_a_refresh_token_buys_a_new_pair_and_nothing_else(api: Api) -> None:
    pair = await api.made("/auth/token", {"api_key": api.key}, key="")

    again = await api.made("/auth/refresh", {"refresh_token": pair["refresh_token"]}, key="")

    assert (await api.call("GET", "/rooms", token=again["access_token"])).status_code == 200
    assert (await api.call("GET", "/rooms", token=pair["refresh_token"])).status_code == 401
    with_access = {"refresh_token": pair["access_token"]}
    assert (await api.call("POST", "/auth/refresh", with_access, key="")).status_code == 401


async def test_a_refreshed_seat_has_the_role_it_has_now(api: Api) -> None:
    room = await api.room()
    seat = await api.seat(room, "Ann")
    path = f"/rooms/{room}/participants/{seat['participant']['id']}"
    await api.call("PATCH", path, {"role": "host", "display_name": "Anna"})

    pair = await api.made("/auth/refresh", {"refresh_token": seat["refresh_token"]}, key="")

    claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
    assert (claims["role"], claims["display_name"]) == ("host", "Anna")
    # The token of before speaks for the same seat, and so for its new role.
    assert (await api.call("POST", f"/rooms/{room}/end", token=seat["access_token"])).is_success


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "missing API key"),
        ({"X-API-Key": ""}, "invalid API key format"),
        ({"X-API-Key": "sk_live_x"}, "invalid API key format"),
        ({"X-API-Key": "chalk_live_x"}, "invalid API key"),
        ({"X-API-Key": "chalk_live_" + "x" * 9000}, "invalid API key format"),
        ({"Authorization": ""}, "invalid authorization header format"),
        ({"Authorization": "Bearer"}, "invalid authorization header format"),
        ({"Authorization": "Basic dTpw"}, "invalid authorization header format"),
        ({"Authorization": "Bearer chalk_live_x"}, "invalid API key"),
        ({"Authorization": "Bearer a.b.c"}, "invalid token"),
    ],
)
async def test_who_does_not_say_who_they_are_is_told_what_is_wrong(
    api: Api, headers: dict[str, str], error: str
) -> None:
    answer = await api.http.get("/api/v1/rooms", headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_removed_seats_tokens_stop_working(api: Api) -> None:
    room = await api.room()
    seat = await api.seat(room)
    assert (await api.call("GET", f"/rooms/{room}", token=seat["access_token"])).status_code == 200

    await api.call("DELETE", f"/rooms/{room}/participants/{seat['participant']['id']}")

    assert (await api.call("GET", f"/rooms/{room}", token=seat["access_token"])).status_code == 401
    refresh = {"refresh_token": seat["refresh_token"]}
    assert (await api.call("POST", "/auth/refresh", refresh, key="")).status_code == 401


async def test_a_token_for_a_seat_that_never_was_opens_nothing(api: Api) -> None:
    room = await api.room()
    token = api.lobby.context.tokens.pair(
        api.lobby.context.tokens.verify((await api.seat(room))["access_token"]).model_copy(
            update={"sub": str(new_id())}
        )
    ).access_token

    assert (await api.call("GET", f"/rooms/{room}", token=token)).status_code == 401


async def test_tokens_end_with_the_key_they_were_made_with(api: Api) -> None:
    own = await api.made("/auth/token", {"api_key": api.key}, key="")
    user = await api.made("/auth/token", {"api_key": api.key, "user_id": "u7"}, key="")
    again = await api.made("/auth/refresh", {"refresh_token": user["refresh_token"]}, key="")

    new = (await api.made(f"/tenants/{api.tenant_id}/rotate-key"))["api_key"]

    for pair in (own, user, again):
        assert (await api.call("GET", "/rooms", token=pair["access_token"])).status_code == 401
        refresh = {"refresh_token": pair["refresh_token"]}
        assert (await api.call("POST", "/auth/refresh", refresh, key="")).status_code == 401
    assert await api.made("/auth/token", {"api_key": new}, key="")


async def test_tokens_live_on_for_as_long_as_their_key_does(api: Api) -> None:
    pair = await api.made("/auth/token", {"api_key": api.key}, key="")

    await api.made(f"/tenants/{api.tenant_id}/rotate-key", {"overlap_seconds": 600})

    assert (await api.call("GET", "/rooms", token=pair["access_token"])).status_code == 200
    assert await api.made("/auth/refresh", {"refresh_token": pair["refresh_token"]}, key="")


async def test_seats_stay_when_the_key_is_rotated(api: Api) -> None:
    room = await api.room()
    seat = await api.seat(room)

    await api.made(f"/tenants/{api.tenant_id}/rotate-key")

    assert (await api.call("GET", f"/rooms/{room}", token=seat["access_token"])).status_code == 200


async def test_a_user_may_be_vouched_for_with_an_e_mail_address(api: Api) -> None:
    wish = {"api_key": api.key, "user_id": "u7", "email": "ann@school.example"}

    token = (await api.made("/auth/token", wish, key=""))["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["email"] == "ann@school.example"


async def test_a_key_with_scopes_is_no_good_outside_of_chroom(api: Api) -> None:
    key = await new_key(api, "meetings:read", "keys:write")

    chalk = await api.call("GET", "/rooms", key=key.text)
    kcs = await api.http.get("/api/meeting", headers={"Authorization": f"Bearer {key.text}"})
    exchanged = await api.call("POST", "/auth/token", {"api_key": key.text}, key="")

    assert (chalk.status_code, kcs.status_code, exchanged.status_code) == (403, 403, 403)
    assert chalk.json()["code"] == "SCOPE_MISSING"


async def test_no_key_is_kept_as_it_is(api: Api) -> None:
    key = await new_key(api, "meetings:read")

    kept = stored(api)

    assert api_key_sha256(key.text).encode() in kept
    assert key.text.encode() not in kept
    assert api.key.encode() not in kept


async def test_what_was_ended_elsewhere_ends_here_within_five_seconds(api: Api) -> None:
    now = 100.0
    standing = Standing(api.lobby.context.reader, api.lobby.context.now, lambda: now)
    key, jti = await new_key(api, "meetings:read"), new_id()
    assert await standing.key(key.text)
    assert await standing.key_named(key.id)
    assert not await standing.is_revoked(jti)
    tenant_id = TenantId(UUID(api.tenant_id))

    await api.bus.ask(RevokeKey(tenant_id=tenant_id, key_id=key.id))
    later = api.lobby.context.now() + timedelta(minutes=1)
    await api.bus.ask(RevokeToken(tenant_id=tenant_id, jti=jti, expires_at=later))

    now += REMEMBERED_S
    assert await standing.key(key.text) is None
    assert await standing.key_named(key.id) is None
    assert await standing.is_revoked(jti)
    assert REMEMBERED_S <= 5
