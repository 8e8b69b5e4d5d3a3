from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from handlers.dialects import names
from handlers.dialects.chroom.document import CHROOM
from infra.contract.ids import new_id
from infra.contract.scopes import EVERY_SCOPE
from tests.handlers.chroom.conftest import MEETING, Chroom


async def key(chroom: Chroom, *scopes: str, **more: Any) -> Any:
    return await chroom.made("/keys", {"name": "Bot", "scopes": scopes, **more})


async def oauth_token(chroom: Chroom, made: Any, **asked: str) -> str:
    client = base64.b64encode(f"{made['key_id']}:{made['key']}".encode()).decode()
    answer = await chroom.api.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", **asked},
        headers={"Authorization": f"Basic {client}"},
    )
    return str(answer.json()["access_token"])


async def test_a_key_is_shown_once_and_to_a_retry(chroom: Chroom) -> None:
    body = {"name": "Bot", "scopes": ["meetings:read"]}

    first, again = [await chroom.call("POST", "/keys", body, Idempotency_Key="k") for _ in range(2)]
    made = first.json()
    listed = await chroom.got("/keys")
    one = await chroom.got(f"/keys/{made['key_id']}")

    assert again.content == first.content
    assert one == {name: value for name, value in made.items() if name != "key"}
    assert listed["items"] == [one]
    assert made["scopes"] == ["meetings:read"]


async def test_a_key_is_good_for_its_scopes_and_nothing_else(chroom: Chroom) -> None:
    made = await key(chroom, "meetings:read")
    meeting = (await chroom.meeting())["meeting_id"]

    reading = await chroom.call("GET", f"/meetings/{meeting}", token=made["key"])
    refused = [
        await chroom.call("POST", "/meetings/create", MEETING, token=made["key"]),
        await chroom.call("GET", f"/meetings/{meeting}/streams", token=made["key"]),
        await chroom.call("GET", "/keys", token=made["key"]),
        await chroom.call("POST", "/keys", {"name": "x", "scopes": ["x"]}, token=made["key"]),
    ]

    assert reading.status_code == 200
    assert [(a.status_code, a.json()["error"]) for a in refused] == [(403, "SCOPE_MISSING")] * 4


@pytest.mark.parametrize("scope", sorted(EVERY_SCOPE))
async def test_each_operation_opens_to_its_scope_alone(chroom: Chroom, scope: str) -> None:
    """Whatever comes after the door, such as a meeting that is not there, is no matter here."""
    made = await key(chroom, scope)
    ids = {name: names.shown(word, new_id()) for name, word in CHROOM.ids.items()}

    for operation in CHROOM.operations:
        answer = await chroom.call(
            operation.method,
            operation.path.format(**ids),
            {} if operation.method in ("POST", "PATCH") else None,
            token=made["key"],
        )
        shut = answer.status_code == 403 and answer.json()["error"] == "SCOPE_MISSING"
        assert shut == (operation.scope != scope), (operation.method, operation.path)


async def test_a_key_of_some_meetings_sees_no_others(chroom: Chroom) -> None:
    one, other = [(await chroom.meeting())["meeting_id"] for _ in range(2)]
    made = await key(chroom, "meetings:read", "meetings:write", meeting_ids=[one])

    listed = await chroom.got("/meetings", token=made["key"])
    hidden = await chroom.call("GET", f"/meetings/{other}", token=made["key"])
    making = await chroom.call("POST", "/meetings/create", MEETING, token=made["key"])

    assert made["meeting_ids"] == [one]
    assert [item["meeting_id"] for item in listed["items"]] == [one]
    assert (hidden.status_code, hidden.json()["error"]) == (404, "MEETING_UNKNOWN")
    assert (making.status_code, making.json()["error"]) == (403, "NOT_ALLOWED")


async def test_nobody_gives_what_they_do_not_have(chroom: Chroom) -> None:
    one, other = [(await chroom.meeting())["meeting_id"] for _ in range(2)]
    some = await key(chroom, "keys:write", "meetings:read", meeting_ids=[one])

    async def giving(**body: Any) -> tuple[int, str | None]:
        answer = await chroom.call("POST", "/keys", {"name": "x", **body}, token=some["key"])
        return answer.status_code, answer.json().get("error")

    assert await giving(scopes=["meetings:write"], meeting_ids=[one]) == (403, "SCOPE_MISSING")
    assert await giving(scopes=["meetings:read"]) == (403, "NOT_ALLOWED")
    assert await giving(scopes=["meetings:read"], meeting_ids=[other]) == (404, "MEETING_UNKNOWN")
    assert await giving(scopes=["meetings:read"], meeting_ids=[one]) == (200, None)


async def test_a_key_of_some_meetings_knows_of_no_keys_beyond_them(chroom: Chroom) -> None:
    one, other = [(await chroom.meeting())["meeting_id"] for _ in range(2)]
    some = await key(chroom, "keys:read", "keys:write", meeting_ids=[one])
    child = await chroom.made(
        "/keys",
        {"name": "child", "scopes": ["keys:read"], "meeting_ids": [one]},
        token=some["key"],
    )
    beyond = [
        await key(chroom, "meetings:read"),
        await key(chroom, "keys:read", meeting_ids=[other]),
        await key(chroom, "keys:read", meeting_ids=[one, other]),
    ]

    for credential in (some["key"], await oauth_token(chroom, some)):
        listed = await chroom.got("/keys?limit=1", token=credential)
        rest = await chroom.got(f"/keys?cursor={listed['next_cursor']}", token=credential)
        shown = [each["key_id"] for each in [*listed["items"], *rest["items"]]]
        assert shown == [child["key_id"], some["key_id"]]
        for theirs in beyond:
            for method in ("GET", "DELETE"):
                answer = await chroom.call(method, f"/keys/{theirs['key_id']}", token=credential)
                assert (answer.status_code, answer.json()["error"]) == (404, "KEY_UNKNOWN")

    for theirs in beyond:
        await chroom.got(f"/keys/{theirs['key_id']}")
    gone, again = [
        await chroom.call(
            "DELETE", f"/keys/{child['key_id']}", token=some["key"], Idempotency_Key="k"
        )
        for _ in range(2)
    ]
    assert gone.status_code == 200
    assert again.content == gone.content


async def test_a_token_gives_no_more_than_it_was_given(chroom: Chroom) -> None:
    made = await key(chroom, "keys:write", "meetings:read")
    token = await oauth_token(chroom, made, scope="keys:write")

    async def giving(*scopes: str) -> tuple[int, str | None]:
        answer = await chroom.call("POST", "/keys", {"name": "x", "scopes": scopes}, token=token)
        return answer.status_code, answer.json().get("error")

    assert await giving("meetings:read") == (403, "SCOPE_MISSING")
    assert await giving("keys:write") == (200, None)


async def test_no_key_outlives_the_one_it_was_made_with(chroom: Chroom) -> None:
    now = chroom.api.lobby.now()
    ends, later = [(now + timedelta(minutes=n)).isoformat() for n in (5, 6)]
    maker = await key(chroom, "keys:write", expires_at=ends)

    async def making(**body: Any) -> httpx2.Response:
        return await chroom.call(
            "POST", "/keys", {"name": "x", "scopes": ["keys:write"], **body}, token=maker["key"]
        )

    assert (await making(expires_at=later)).status_code == 403
    child = (await making()).json()
    assert child["expires_at"] == maker["expires_at"]
    assert (await making(expires_at=ends)).status_code == 200

    await chroom.call("DELETE", f"/keys/{maker['key_id']}")

    answer = await chroom.call("POST", "/keys", {}, token=child["key"])
    assert answer.status_code == 401


async def test_a_revoked_key_opens_nothing(chroom: Chroom) -> None:
    made = await key(chroom, "meetings:read")
    assert (await chroom.call("GET", "/meetings", token=made["key"])).status_code == 200

    gone = await chroom.call("DELETE", f"/keys/{made['key_id']}")
    again = await chroom.call("DELETE", f"/keys/{made['key_id']}")

    assert gone.json() == {"key_id": made["key_id"], "revoked": True}
    assert (await chroom.call("GET", "/meetings", token=made["key"])).status_code == 401
    assert (again.status_code, again.json()["error"]) == (404, "KEY_UNKNOWN")


async def test_a_key_ends_when_it_says(chroom: Chroom) -> None:
    now = chroom.api.lobby.now()
    made = await key(chroom, "meetings:read", expires_at=(now + timedelta(minutes=5)).isoformat())
    past = await chroom.call(
        "POST",
        "/keys",
        {"name": "x", "scopes": ["meetings:read"], "expires_at": "2001-01-01T00:00:00Z"},
    )
    chroom.api.lobby.ahead += timedelta(minutes=6)
    chroom.api.lobby.context.standing.forget()

    assert (await chroom.call("GET", "/meetings", token=made["key"])).status_code == 401
    assert past.status_code == 400


@pytest.mark.parametrize("scopes", [[], ["everything"], "meetings:read", None])
async def test_a_key_has_scopes_there_are(chroom: Chroom, scopes: Any) -> None:
    answer = await chroom.call("POST", "/keys", {"name": "x", "scopes": scopes})

    assert answer.status_code == 400


async def test_keys_are_the_accounts_own(chroom: Chroom) -> None:
    made = await key(chroom, "meetings:read")
    _, other = await chroom.api.tenant()

    answers = [
        await chroom.call(method, f"/keys/{made['key_id']}", token=other)
        for method in ("GET", "DELETE")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert (await chroom.got("/keys", token=other))["items"] == []
    assert (await chroom.call("GET", "/meetings", token=made["key"])).status_code == 200


async def test_a_key_is_an_oauth_client(chroom: Chroom) -> None:
    made = await key(chroom, "meetings:read", "meetings:write")
    client = base64.b64encode(f"{made['key_id']}:{made['key']}".encode()).decode()

    answer = await chroom.api.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "scope": "meetings:read"},
        headers={"Authorization": f"Basic {client}"},
    )

    token = answer.json()["access_token"]
    assert answer.json()["scope"] == "meetings:read"
    assert (await chroom.call("GET", "/meetings", token=token)).status_code == 200
    making = await chroom.call("POST", "/meetings/create", MEETING, token=token)
    assert (making.status_code, making.json()["error"]) == (403, "SCOPE_MISSING")
