"""Which operations take `If-Match` and which answer an `ETag`, over all that there are.

Tenants, rooms (KCS's and Chroom's meetings), seats and webhook endpoints are what somebody changes
while somebody else looks: whatever updates or deletes one of them is conditional, and whatever
shows one of them is tagged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from handlers.app import DIALECTS
from handlers.auth import May
from handlers.dialects import names
from handlers.dialects.dialect import Dialect
from handlers.dialects.openapi import document
from tests.support import samples
from tests.support.api import Api
from tests.support.api import api as open_api
from tests.support.world import World, make_world

EVERY = {
    f"{dialect.name} {operation.method} {operation.path}": (dialect, operation)
    for dialect in DIALECTS
    for operation in dialect.operations
}

UNCONDITIONAL: Mapping[str, frozenset[str]] = {
    "it makes something, of which nobody has seen anything before": frozenset(
        {
            "chalk POST /tenants",
            "chalk POST /rooms",
            "chalk POST /rooms/schedule",
            "chalk POST /rooms/{room}/participants",
            "chalk POST /rooms/{room}/participants/bulk",
            "chalk POST /rooms/{room_id}/join-token",
            "chalk POST /join-token/exchange",
            "chalk POST /webhooks",
            "kcs POST /",
            "kcs POST /{room_id}/participants",
            "kcs POST /{room_id}/chat",
            "chroom POST /meetings/create",
            "chroom POST /keys",
        }
    ),
    "it gives out credentials, and shows nothing that changes": frozenset(
        {
            "chalk POST /auth/token",
            "chalk POST /auth/refresh",
            "chalk POST /tenants/{tenant_id}/rotate-key",
            "chalk POST /rooms/{room_id}/participants/{participant_id}/token",
            "chalk POST /webhooks/{endpoint_id}/rotate-secret",
        }
    ),
    "it is a step that the state of the thing allows or refuses": frozenset(
        {
            "chalk POST /rooms/{room_id}/end",
            "chalk POST /rooms/{room_id}/recordings/start",
            "chalk POST /rooms/{room_id}/recordings/stop",
            "chalk POST /rooms/{room_id}/recordings/sync",
            "chalk POST /recordings/{recording_id}/archive",
            "chalk POST /rooms/{room_id}/recordings/{recording_id}/archive",
            "chalk POST /recordings/{recording_id}/recover",
            "chalk POST /recordings/{recording_id}/transcribe",
            "chalk POST /webhooks/deliveries/{delivery_id}/redeliver",
            "chalk POST /webhooks/{endpoint_id}/test",
            "kcs POST /{room_id}/start",
            "kcs POST /{room_id}/end",
            "kcs POST /{room_id}/cancel",
            "kcs POST /{room_id}/join",
            "kcs POST /{room_id}/leave",
            "kcs POST /{room_id}/recording/start",
            "kcs POST /{room_id}/recording/stop",
            "chroom POST /meetings/{room_id}/start",
            "chroom POST /meetings/{room_id}/end",
            "chroom POST /meetings/{room_id}/join",
        }
    ),
    "it is about several things, and one tag is of one": frozenset(
        {
            "chalk PUT /people",
            "kcs DELETE /{room_id}/participants",
            "kcs POST /{room_id}/participants/remove",
            "kcs POST /{room_id}/waiting-room/admit",
            "kcs POST /{room_id}/waiting-room/deny",
        }
    ),
    "it deletes what nobody can have changed: such a thing is made, or put whole, and deleted": (
        frozenset(
            {
                "chalk DELETE /recordings/{recording_id}",
                "chalk DELETE /people/{user_id}",
                "chroom DELETE /keys/{key_id}",
            }
        )
    ),
    "it is about a track that is live in a media pod, and kept nowhere": frozenset(
        {
            "chroom PATCH /meetings/{room_id}/streams/{track_id}",
            "chroom DELETE /meetings/{room_id}/streams/{track_id}",
        }
    ),
    "it only reads": frozenset(
        {
            "kcs POST /{room_id}/search-users",
            *(name for name, (_, operation) in EVERY.items() if operation.method == "GET"),
        }
    ),
}
"Why an operation takes no `If-Match`."

CONDITIONAL = sorted(name for name, (_, operation) in EVERY.items() if operation.conditional)
TAGGED = sorted(name for name, (_, operation) in EVERY.items() if operation.tagged)
MODELS = {
    *("Tenant", "NewTenant", "Room", "Joined", "Participant", "Webhook", "NewWebhook"),
    *("Success[FullMeeting]", "Success[MeasuredMeeting]", "Success[EndedMeeting]"),
    *("Success[JoinedMeeting]", "Success[UpdatedRole]"),
    *("CreatedMeeting", "Meeting", "MeetingInFull", "JoinedMeeting"),
}
"What shows one thing that is changed."


@dataclass(frozen=True)
class Stage:
    api: Api
    world: World

    async def ask(self, name: str, body: Any = None, /, **more: str) -> httpx2.Response:
        """`more`: ids of the path instead of the world's, and headers, which begin in capitals."""
        dialect, operation = EVERY[name]
        headers = {key: text for key, text in more.items() if key[0].isupper()}
        ids = {key: text for key, text in more.items() if not key[0].isupper()}
        operates = operation.may is May.OPERATE
        return await self.api.call(
            operation.method,
            self.world.path(dialect, operation.path, **ids),
            BODIES.get(name, samples.body(operation)) if body is None else body,
            key=self.api.operator if operates else self.world.key,
            **headers,
        )


@pytest.fixture
async def stage(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Stage]:
    async with open_api(tmp_path / "home", sqlite_url) as api:
        yield Stage(api, await make_world(api, api.tenant_id, api.key))


def test_each_operation_takes_if_match_or_says_why_not() -> None:
    reasons = [name for names in UNCONDITIONAL.values() for name in names]

    assert sorted([*reasons, *CONDITIONAL]) == sorted(EVERY)


def test_each_operation_that_shows_one_thing_that_is_changed_is_tagged() -> None:
    shows = {
        name
        for name, (_, operation) in EVERY.items()
        if operation.shown and operation.shown.__name__ in MODELS
    }

    assert shows == set(TAGGED)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_documents_say_which(dialect: Dialect) -> None:
    paths = document(dialect)["paths"]

    for operation in dialect.operations:
        entry = paths[operation.path][operation.method.lower()]
        takes = any(each["name"] == "If-Match" for each in entry["parameters"])
        shows = "ETag" in entry["responses"][str(operation.status)].get("headers", {})
        assert (takes, shows) == (operation.conditional, operation.tagged), operation.path


async def test_who_saw_something_else_changes_nothing(stage: Stage) -> None:
    for name in CONDITIONAL:
        answer = await stage.ask(name, If_Match='"999"')
        assert answer.status_code == 412, (name, answer.text)
        assert "PRECONDITION_FAILED" in answer.text
        assert "etag" not in answer.headers

    assert (await stage.ask("chalk GET /rooms/{room_id}")).status_code == 200


async def test_where_nothing_is_conditional_the_header_means_nothing(stage: Stage) -> None:
    for name, (_, operation) in EVERY.items():
        if not operation.conditional and operation.method in ("GET", "PUT"):
            answer = await stage.ask(name, If_Match='"999"')
            assert answer.status_code != 412, name
            tagged = operation.tagged and answer.status_code < 300
            assert ("etag" in answer.headers) == tagged, name


async def test_what_shows_one_thing_that_is_changed_carries_its_tag(stage: Stage) -> None:
    asked = set(PLAIN)
    for name in PLAIN:
        _tag(await stage.ask(name), name)
    for name, told in TOLD.items():
        _tag(await told(stage, name), name)
        asked.add(name)

    assert asked == set(TAGGED)


async def test_the_tag_of_what_was_made_or_moved_on_is_the_one_it_is_changed_with(
    stage: Stage,
) -> None:
    for make, change in CHANGED_WITH.items():
        made = await (TOLD[make](stage, make) if make in TOLD else stage.ask(make))
        tag = _tag(made, make)
        ids = _ids(EVERY[make][0], made.json())

        changed = await stage.ask(change, If_Match=tag, **ids)
        stale = await stage.ask(change, If_Match=tag, **ids)

        assert (changed.status_code, stale.status_code) in ((200, 412), (204, 404)), make


# --- how each is asked so that it succeeds ---

Told = Callable[[Stage, str], Awaitable[httpx2.Response]]


async def _planned(stage: Stage, name: str) -> httpx2.Response:
    """Of a meeting that is scheduled."""
    make = {"kcs": "kcs POST /", "chroom": "chroom POST /meetings/create"}[name.split()[0]]
    made = await stage.ask(make)
    return await stage.ask(name, **_ids(EVERY[make][0], made.json()))


async def _live(stage: Stage, name: str) -> httpx2.Response:
    made = await stage.api.made("/rooms", {"name": "Chemistry"}, key=stage.world.key)
    return await stage.ask(name, room_id=made["id"], room=made["id"])


async def _invited(stage: Stage, name: str) -> httpx2.Response:
    invite = await stage.ask("chalk POST /rooms/{room_id}/join-token")
    return await stage.ask(name, {"invite": invite.json()["invite"], "display_name": "Ann"})


BODIES: Mapping[str, Any] = {
    "chalk POST /rooms/schedule": {"name": "Physics", "starts_at": "2055-11-04T09:00:00Z"},
    "chalk PATCH /rooms/{room_id}": {"name": "Biology"},
    "chalk POST /webhooks": {"url": "https://hooks.example.org/a"},
    "kcs PUT /{room_id}": {"meeting_name": "Biology"},
    "chroom PATCH /meetings/{room_id}": {"title": "Biology"},
}
"Where a sample says too little."

TOLD: Mapping[str, Told] = {
    "kcs POST /{room_id}/start": _planned,
    "kcs POST /{room_id}/cancel": _planned,
    "kcs POST /{room_id}/end": _live,
    "kcs POST /{room_id}/join": _live,
    "chroom POST /meetings/{room_id}/start": _planned,
    "chroom POST /meetings/{room_id}/end": _live,
    "chalk POST /rooms/{room_id}/end": _live,
    "chalk POST /join-token/exchange": _invited,
}
PLAIN = [name for name in TAGGED if name not in TOLD]
"Asked of the world as it is."

CHANGED_WITH: Mapping[str, str] = {
    "chalk POST /rooms": "chalk PATCH /rooms/{room_id}",
    "chalk POST /rooms/schedule": "chalk DELETE /rooms/{room_id}",
    "chalk POST /webhooks": "chalk DELETE /webhooks/{endpoint_id}",
    "kcs POST /": "kcs PUT /{room_id}",
    "kcs POST /{room_id}/start": "kcs PUT /{room_id}",
    "chroom POST /meetings/create": "chroom PATCH /meetings/{room_id}",
    "chroom POST /meetings/{room_id}/start": "chroom PATCH /meetings/{room_id}",
    "chalk POST /join-token/exchange": "chalk DELETE "
    "/rooms/{room_id}/participants/{participant_id}",
}
"By which of them each is changed that was just made, or is in another state now."


def _tag(answer: httpx2.Response, name: str) -> str:
    assert answer.status_code < 300, (name, answer.text)
    assert "etag" in answer.headers, name
    return answer.headers["etag"]


def _ids(dialect: Dialect, shown: Any) -> dict[str, str]:
    """Of what was shown: by the names paths have for it."""
    shown = shown.get("data", shown)
    if "participant" in shown:
        seat = shown["participant"]
        return {"participant_id": seat["id"], "room_id": seat["room_id"]}
    id = str(names.read(shown.get("meeting_id") or shown["id"], "meeting"))
    return {"room_id": id, "room": id, "endpoint_id": id}
