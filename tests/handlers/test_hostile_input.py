"""Every operation of the table against what strangers send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from handlers.auth import May
from handlers.dialects.chalk.routes import OPERATIONS
from handlers.dialects.operation import Operation
from handlers.tokens import Identity, Tokens
from infra.contract.ids import TenantId, new_id
from tests.support.api import Api
from tests.support.api import api as open_api

TABLE = {f"{each.method} {each.path}": each for each in OPERATIONS}
GUARDED = [name for name, each in TABLE.items() if each.may]
WITH_BODY = [name for name, each in TABLE.items() if each.body]
WITH_ID = [name for name, each in TABLE.items() if any(each.ids.values())]
OWNED = [name for name, each in TABLE.items() if each.ids and "tenant_id" not in each.ids]
SUCCEEDS_ANYWAY = {"DELETE /people/{user_id}"}
"Those that remove what may well not be there."
EXPECTED = {400, 401, 403, 404, 405, 409, 413}
BODY_LIMIT = 4096


@pytest.fixture
async def api(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Api]:
    async with open_api(tmp_path / "home", sqlite_url, body_limit_bytes=BODY_LIMIT) as made:
        yield made


async def ids(api: Api) -> dict[str, str]:
    """What there is to name in paths."""
    room = await api.room("Algebra")
    seat = await api.seat(room)
    recording = (await api.made(f"/rooms/{room}/recordings/start"))["id"]
    endpoint = (await api.made("/webhooks", {"url": "https://hooks.example.org/a"}))["id"]
    return {
        "tenant_id": api.tenant_id,
        "room_id": room,
        "room": room,
        "participant_id": seat["participant"]["id"],
        "recording_id": recording,
        "transcript_id": str(new_id()),
        "endpoint_id": endpoint,
        "delivery_id": str(new_id()),
        "user_id": "u-1",
    }


def good_body(operation: Operation) -> dict[str, Any]:
    """The least that the operation's body may be."""
    least = {
        "name": "Acme",
        "api_key": "chalk_live_x",
        "refresh_token": "x",
        "invite": "x",
        "display_name": "Ann",
        "participants": [{"display_name": "Ann"}],
        "people": [{"user_id": "u-1"}],
        "starts_at": "2055-11-04T09:00:00Z",
        "url": "https://hooks.example.org/b",
    }
    assert operation.body is not None
    fields = operation.body.model_fields
    return {name: least[name] for name, field in fields.items() if field.is_required()}


def refused(answer: Any, *statuses: int) -> None:
    assert answer.status_code in (statuses or EXPECTED), answer.text
    said = answer.json()
    assert (
        {"error", "code", "request_id"}
        <= said.keys()
        <= {*("error", "code", "request_id", "detail", "command_id")}
    )
    assert said["error"] and said["request_id"] == answer.headers["x-request-id"]


def credentials(api: Api) -> dict[str, dict[str, str]]:
    """Headers of people who are not let in."""
    tokens = api.lobby.context.tokens
    who = Identity(kind="tenant", sub="u", tenant_id=TenantId(new_id()), role="host")
    mine = who.model_copy(update={"tenant_id": TenantId(UUID(api.tenant_id))})
    yesterday = api.lobby.context.now() - timedelta(days=1)
    expired = Tokens(
        api.lobby.context.secrets.signing_key,
        issuer="parley",
        access_s=900,
        refresh_s=900,
        now=lambda: yesterday,
    )
    bearers = {
        "a tenant that is not there": tokens.pair(who).access_token,
        "a refresh token": tokens.pair(mine).refresh_token,
        "an expired token": expired.pair(mine).access_token,
        "a changed token": mixed(tokens.pair(mine).access_token, tokens.pair(mine).access_token),
        "nonsense": "nonsense",
    }
    return {
        "nobody": {},
        "an unknown key": {"X-API-Key": "chalk_live_unknown"},
        "an empty key": {"X-API-Key": ""},
        **{name: {"Authorization": f"Bearer {token}"} for name, token in bearers.items()},
    }


def mixed(one: str, other: str) -> str:
    """One token under the other's signature."""
    return f"{one.rpartition('.')[0]}.{other.rpartition('.')[2]}"


async def ask(api: Api, operation: Operation, named: dict[str, str], **more: Any) -> Any:
    path = "/api/v1" + operation.path.format(**named)
    headers = {"X-API-Key": api.operator if operation.may is May.OPERATE else api.key}
    headers |= more.pop("headers", {})
    return await api.http.request(operation.method, path, headers=headers, **more)


async def test_nobody_is_let_in_anywhere_without_good_credentials(api: Api) -> None:
    named = await ids(api)
    asked = len(api.bus.asked)

    for name in GUARDED:
        operation = TABLE[name]
        for who, headers in credentials(api).items():
            path = "/api/v1" + operation.path.format(**named)
            answer = await api.http.request(operation.method, path, headers=headers)
            assert answer.status_code == 401, (name, who, answer.text)
            refused(answer, 401)

    assert len(api.bus.asked) == asked


async def test_another_tenants_id_is_answered_as_one_that_is_not_there(api: Api) -> None:
    named, nowhere = await ids(api), {name: str(new_id()) for name in await ids(api)}
    _, stranger = await api.tenant()

    for name in OWNED:
        operation = TABLE[name]
        body = good_body(operation) if operation.body else None
        headers = {"X-API-Key": stranger, "X-Request-Id": "r"}
        theirs, nobodys = [
            await ask(api, operation, where, json=body, headers=headers)
            for where in (named, nowhere)
        ]
        if name not in SUCCEEDS_ANYWAY:
            refused(theirs, 404)
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content), name


@pytest.mark.parametrize("name", WITH_ID)
async def test_what_is_no_id_is_a_bad_request(api: Api, name: str) -> None:
    operation = TABLE[name]
    body = good_body(operation) if operation.body else None

    for text in ("x", "1", "%00", "'", "a" * 300, "00000000-0000-0000-0000-00000000000g", "é"):
        bad = {key: text for key, is_id in operation.ids.items() if is_id}
        answer = await ask(api, operation, {"room": "Algebra", **bad}, json=body)
        refused(answer, 400)


MALFORMED = {
    "nothing of JSON": b"{",
    "text": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "not UTF-8": b'{"name": "\xff"}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "nested deeply": b"[" * 2000 + b"]" * 2000,
    "an object nested deeply": b'{"a":' * 600 + b"1" + b"}" * 600,
    "two documents": b"{}{}",
    "a comment": b"{} // hello",
    "a trailing comma": b'{"name": "x",}',
    "a huge number": b'{"name": ' + b"9" * 4000 + b"}",
}


@pytest.mark.parametrize("name", WITH_BODY)
async def test_a_body_that_is_no_good_is_a_bad_request(api: Api, name: str) -> None:
    operation, named = TABLE[name], await ids(api)
    asked = len(api.bus.asked)
    kind = {"Content-Type": "application/json"}
    good = good_body(operation)

    for content in MALFORMED.values():
        refused(await ask(api, operation, named, content=content, headers=kind), 400)
    unknown = await ask(api, operation, named, json={**good, "tenant_id_": "x"})
    form = await ask(
        api,
        operation,
        named,
        content=json.dumps(good),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    large = await ask(api, operation, named, json={**good, "x": "x" * BODY_LIMIT})

    refused(unknown, 400)
    refused(form, 400)
    refused(large, 413)
    assert len(api.bus.asked) == asked


async def test_a_body_without_a_length_is_cut_off_at_the_limit(api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1024

    answer = await api.http.post("/api/v1/rooms", content=endless(), headers={"X-API-Key": api.key})

    refused(answer, 413)


READ_ONLY = (
    *("id", "tenant_id", "role_", "epoch", "seq", "state", "status", "created_at", "is_active"),
    *("object_key", "storage_provider", "api_key_sha256", "participant_count", "pod_id"),
)


@pytest.mark.parametrize("name", WITH_BODY)
async def test_nobody_writes_what_is_not_theirs_to_write(api: Api, name: str) -> None:
    operation, named = TABLE[name], await ids(api)
    good = good_body(operation)
    assert operation.body is not None

    for field in READ_ONLY:
        if field not in operation.body.model_fields:
            answer = await ask(api, operation, named, json={**good, field: str(new_id())})
            refused(answer, 400)


HOSTILE: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**70, 1.5, "", " ", "x" * 300, "\0", "a\0b", [], {}, [[]], {"": ""}),
    *("../../etc/passwd", "'; DROP TABLE rooms; --", "<script>", "\u202e", "\r\nX: y", "%s%n"),
)


@pytest.mark.parametrize("name", WITH_BODY)
async def test_no_value_of_any_field_breaks_anything(api: Api, name: str) -> None:
    operation, named = TABLE[name], await ids(api)
    good = good_body(operation)
    assert operation.body is not None

    for field in operation.body.model_fields:
        for value in HOSTILE:
            answer = await ask(api, operation, named, json={**good, field: value})
            assert answer.status_code < 300 or answer.status_code in EXPECTED, (
                field,
                value,
                answer.text,
            )


@pytest.mark.parametrize(
    "raw",
    [
        b'{"metadata": {"a": NaN}}',
        b'{"metadata": {"a": Infinity}}',
        b'{"metadata": {"a": 1e400}}',
        b'{"metadata": {"a": "\\u0000"}}',
        b'{"metadata": {"\\u0000": 1}}',
        b'{"metadata": {"a": [{"b": "\\u0000"}]}}',
        b'{"metadata": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
        b'{"config": {"max_participants": NaN}}',
        b'{"config": {"max_participants": 2.5}}',
        b'{"config": {"max_participants": "5"}}',
        b'{"config": {"max_participants": 1}}',
        b'{"config": {"max_participants": 10001}}',
        b'{"config": {"chat_enabled": 1}}',
        b'{"config": {"chat_enabled": "true"}}',
        b'{"config": null}',
        b'{"name": 7}',
        b'{"name": "   "}',
    ],
)
async def test_what_json_can_carry_and_we_cannot_keep_is_refused(api: Api, raw: bytes) -> None:
    answer = await api.call("POST", "/rooms", content=raw)

    refused(answer, 400)
    assert len(answer.text) < 600


async def test_a_mistake_is_named_without_repeating_what_was_sent(api: Api) -> None:
    secret = "correct horse battery staple"

    answer = await api.call(
        "POST", "/rooms", {"name": ["x"], "config": {"max_participants": secret}}
    )

    assert "name: " in answer.json()["error"]
    assert "config.max_participants: " in answer.json()["error"]
    assert secret not in answer.text
