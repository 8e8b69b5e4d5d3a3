"""Everybody at every door: each operation of the three APIs, asked with each kind of credential.

What a cell must be follows from the operation and from who asks; the exceptions are written down
with their reasons. Nothing here knows a single operation's answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import pytest

from handlers.auth import May
from handlers.dialects import names
from handlers.tokens import Identity, Tokens
from infra.contract.ids import TenantId, new_id
from tests.support import samples
from tests.support.api import Api
from tests.support.api import api as open_api
from tests.support.asking import CASES, Case, refused
from tests.support.world import World, make_world, shown_as, unknown

Headers = Mapping[str, str]

GUARDED = [case for cases in CASES.values() for case in cases if case.operation.may is not None]
WITH_IDS = [case for case in GUARDED if case.operation.ids]

FOR_ANYBODY = {
    # A person is whoever the tenant says: one nobody has heard of takes part in nothing.
    ("GET", "/participant/{user_id}"),
    # Gone is what it was to be, whether it was ever there.
    ("DELETE", "/people/{user_id}"),
}
"Operations that answer an unknown name as any other."


NOTHING_THERE = [
    # No recording runs.
    ("POST", "/rooms/{room_id}/recordings/stop"),
    # Who made the room has no seat in it, to talk from or to leave.
    ("POST", "/{room_id}/chat"),
    ("POST", "/{room_id}/leave"),
]
"Doors to what no world has."


@pytest.fixture
async def api(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Api]:
    async with open_api(tmp_path / "home", sqlite_url) as made:
        yield made


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


async def ask(
    api: Api, case: Case, path: str, headers: Headers, *, body: bool = True
) -> httpx2.Response:
    sent = samples.body(case.operation) if body else None
    return await api.http.request(
        case.operation.method,
        path,
        content=None if sent is None else json.dumps(sent).encode(),
        headers={**headers, **({"Content-Type": "application/json"} if sent is not None else {})},
    )


# --- strangers ---


async def strangers(api: Api, world: World) -> dict[str, Headers]:
    """What is no credential, is none any more, or is one for something else."""
    tokens = api.lobby.context.tokens
    nobody = Identity(kind="tenant", sub="u", tenant_id=TenantId(new_id()), role="host")
    mine = nobody.model_copy(update={"tenant_id": TenantId(UUID(world.tenant_id))})
    yesterday = api.lobby.context.now() - timedelta(days=1)
    then = Tokens(
        api.lobby.context.secrets.signing_key,
        issuer="parley",
        access_s=900,
        refresh_s=900,
        now=lambda: yesterday,
    )
    one, other = tokens.pair(mine).access_token, tokens.pair(mine).access_token
    revoked = await api.made("/api/keys", {"name": "x", "scopes": ["meetings:read"]}, key=world.key)
    client = await client_token(api, revoked)
    gone = await api.call("DELETE", f"/api/keys/{revoked['key_id']}", key=world.key)
    assert gone.status_code < 300
    return {
        "nobody": {},
        "an empty key": {"X-API-Key": ""},
        "an unknown key": {"X-API-Key": "chalk_live_unknown"},
        "an unknown key as a bearer's": bearer("chalk_live_unknown"),
        "nonsense": bearer("nonsense"),
        "an expired token": bearer(then.pair(mine).access_token),
        "a refresh token": bearer(tokens.pair(mine).refresh_token),
        "an invite": bearer(tokens.invite(mine, 900)),
        "a token of a tenant that is not there": bearer(tokens.pair(nobody).access_token),
        "a token under another's signature": bearer(
            f"{one.rpartition('.')[0]}.{other.rpartition('.')[2]}"
        ),
        "a revoked key": bearer(revoked["key"]),
        "a token of a revoked key": bearer(client),
    }


async def client_token(api: Api, key: Mapping[str, Any]) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": str(names.read(key["key_id"])),
        "client_secret": key["key"],
    }
    answer = await api.http.post(
        "/oauth/token",
        content=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


STRANGERS = 12


async def test_strangers_get_nowhere(api: Api) -> None:
    world = await make_world(api, *await api.tenant())
    who = await strangers(api, world)
    assert len(who) == STRANGERS
    asked = len(api.bus.asked)

    for case in GUARDED:
        path = world.path(case.dialect, case.operation.path)
        for name, headers in who.items():
            refused(case, await ask(api, case, path, headers), 401, of=name)

    assert len(api.bus.asked) == asked


# --- the tenant next door ---


async def people(api: Api, world: World) -> dict[str, Headers]:
    """Everybody a tenant has given a credential to."""
    reader = await api.made(
        "/api/keys", {"name": "client", "scopes": ["meetings:read"]}, key=world.key
    )
    return {
        "key": {"X-API-Key": world.key},
        "key as a bearer's": bearer(world.key),
        **{name: bearer(token) for name, token in world.tokens.items()},
        "client": bearer(await client_token(api, reader)),
    }


PEOPLE = 9


@dataclass(frozen=True)
class Asked:
    """Somebody's ids, and how they look in an answer."""

    ids: Mapping[str, str]

    def path(self, world: World, case: Case, *foreign: str) -> str:
        theirs = {name: self.ids[name] for name in foreign}
        return world.path(case.dialect, case.operation.path, **theirs)

    def said(self, case: Case, answer: httpx2.Response) -> tuple[int, Any, Any]:
        """What was answered, whichever ids were asked for."""
        text = answer.text
        for name, own in self.ids.items():
            text = text.replace(shown_as(case.dialect, name, own), name).replace(own, name)
        said = json.loads(text or "null")
        if isinstance(said, dict):
            said.pop("request_id", None)
        return answer.status_code, said, answer.headers.get("etag")


async def test_what_another_tenant_has_is_answered_as_what_nobody_has(api: Api) -> None:
    mine, theirs = [await make_world(api, *await api.tenant()) for _ in range(2)]
    there, nowhere = Asked(theirs.ids), Asked(unknown(theirs.ids))
    who = await people(api, mine)
    assert len(who) == PEOPLE

    for case in WITH_IDS:
        ids = [*case.operation.ids]
        ways = [ids, *([name] for name in ids if len(ids) > 1)]
        for name, headers in who.items():
            for foreign in ways:
                found, missed = [
                    asked.said(
                        case, await ask(api, case, asked.path(mine, case, *foreign), headers)
                    )
                    for asked in (there, nowhere)
                ]
                assert found == missed, (case.name, name, foreign)
                if (case.operation.method, case.operation.path) not in FOR_ANYBODY:
                    assert 400 <= found[0] < 500, (case.name, name, foreign, found)


async def test_no_list_shows_what_another_tenant_has(api: Api) -> None:
    mine, theirs = [await make_world(api, *await api.tenant()) for _ in range(2)]
    who = await people(api, mine)
    secrets = {
        form
        for name, own in theirs.ids.items()
        for form in (own, *(shown_as(c.dialect, name, own) for c in (GUARDED[0], GUARDED[-1])))
    }

    for case in GUARDED:
        if case.operation.method != "GET":
            continue
        for name, headers in who.items():
            path = mine.path(case.dialect, case.operation.path)
            answer = await ask(api, case, path, headers)
            assert not [each for each in secrets if each in answer.text], (case.name, name)


# --- below the tenant itself ---

LOWER = ("student", "guest_seat", "seat_elsewhere", "scoped_key", "client")


def must_be(case: Case, who: str) -> tuple[int, ...]:
    """What is answered to somebody of the tenant who may not."""
    if who == "client" and case.dialect.name != "chroom":
        return (401,)
    if "seat" in who and case.dialect.name != "chalk":
        # Their tokens are for Chalk, which gave them out.
        return (401, 403)
    return (403,)


async def test_who_does_not_lead_does_not_do_what_leaders_do(api: Api) -> None:
    world = await make_world(api, *await api.tenant())
    who = await people(api, world)
    cells = 0

    for case in GUARDED:
        if case.operation.may is May.JOIN:
            continue
        path = world.path(case.dialect, case.operation.path)
        for name in LOWER:
            if name in ("scoped_key", "client") and case.operation.scope == "meetings:read":
                continue
            answer = await ask(api, case, path, who[name])
            refused(case, answer, *must_be(case, name), of=name)
            cells += 1

    assert cells >= 150


async def test_a_meeting_of_members_is_nobody_elses(api: Api) -> None:
    """A user of the same tenant who was never asked to come."""
    world = await make_world(api, *await api.tenant())
    made = await api.call(
        "POST",
        "/api/meeting",
        {
            "meeting_name": "Board",
            "meeting_description": "",
            "meeting_start_time": "2055-11-04T09:00:00Z",
            "meeting_end_time": "2055-11-04T10:00:00Z",
            "meeting_location": "",
            "participants": [],
            "meeting_meta_data": {},
        },
        token=world.tokens["host"],
    )
    board = str(names.read(made.json()["data"]["id"], "meeting"))

    for case in CASES["kcs"]:
        if "room_id" in case.operation.ids:
            path = world.path(case.dialect, case.operation.path, room_id=board)
            answer = await ask(api, case, path, bearer(world.tokens["student"]))
            refused(case, answer, 403)


async def test_a_tenant_gets_through_every_door_of_its_own(api: Api) -> None:
    """To what is there, or to what it is too early or too late for; never to a no."""
    shut = []
    for case in GUARDED:
        world = await make_world(api, *await api.tenant())
        # A user's own doors are the host's, and what governs the tenant its key's.
        keys = [world.tokens["host"], world.key] if case.dialect.name == "kcs" else [world.key]
        if case.operation.may is May.OPERATE:
            keys = [api.operator]
        path = world.path(case.dialect, case.operation.path)
        answers = [await ask(api, case, path, bearer(key)) for key in keys]
        if not any(each.status_code not in (401, 403, 404) for each in answers):
            shut.append((case.operation.method, case.operation.path))

    assert sorted(shut) == NOTHING_THERE


def test_there_are_two_thousand_cells() -> None:
    ways = sum(len(ids) + 1 if len(ids := case.operation.ids) > 1 else 1 for case in WITH_IDS)
    lists = sum(case.operation.method == "GET" for case in GUARDED)
    cells = len(GUARDED) * (STRANGERS + 1) + (ways + lists) * PEOPLE

    assert cells >= 2_000
