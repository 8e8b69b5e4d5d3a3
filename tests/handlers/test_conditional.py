"""`ETag` and `If-Match` (RFC 9110, section 13): what changed meanwhile is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.api import Api
from tests.support.api import api as open_api

KCS = "/api/meeting"
MEETING = {
    "meeting_name": "Standup",
    "meeting_description": "Daily",
    "meeting_start_time": "2055-11-04T09:00:00Z",
    "meeting_end_time": "2055-11-04T10:00:00Z",
    "meeting_location": "Virtual",
    "participants": [],
    "meeting_meta_data": {},
}


@dataclass(frozen=True)
class Kind:
    """A thing that is seen and changed."""

    change: tuple[str, str]
    "Method, and what follows the thing's path."
    first: dict[str, Any]
    second: dict[str, Any]
    shown: bool = True
    "GET shows it with its tag; else only what changes it does."


KINDS = {
    "chalk room": Kind(("PATCH", ""), {"name": "A"}, {"name": "B"}),
    "chalk tenant": Kind(("PATCH", ""), {"name": "A"}, {"name": "B"}),
    "chalk config": Kind(
        ("PATCH", "/config"), {"force_recording": True}, {"force_recording": False}
    ),
    "chalk participant": Kind(
        ("PATCH", ""), {"display_name": "A"}, {"display_name": "B"}, shown=False
    ),
    "chalk webhook": Kind(("PATCH", ""), {"description": "A"}, {"description": "B"}),
    "kcs meeting": Kind(("PUT", ""), {"meeting_name": "A"}, {"meeting_name": "B"}),
    "kcs participant": Kind(
        ("PATCH", "/role"), {"new_role": "co_host"}, {"new_role": "attendee"}, shown=False
    ),
    "chroom meeting": Kind(("PATCH", ""), {"title": "A"}, {"title": "B"}),
}


class Stage:
    def __init__(self, api: Api) -> None:
        self.api = api

    async def made(self, what: str) -> tuple[str, str]:
        """The path of a new one, and its tag."""
        answer, path = await getattr(self, "_" + what.replace(" ", "_"))()
        assert answer.status_code in (200, 201), answer.text
        tag = answer.headers.get("etag") or (await self.api.call("GET", path)).headers["etag"]
        return path, tag

    async def change(self, path: str, kind: Kind, body: Any, **headers: str) -> httpx2.Response:
        method, below = kind.change
        return await self.api.call(method, path + below, body, **headers)

    async def _chalk_room(self) -> tuple[httpx2.Response, str]:
        made = await self.api.call("POST", "/rooms", {"name": "Algebra"})
        return made, f"/rooms/{made.json()['id']}"

    async def _chalk_tenant(self) -> tuple[httpx2.Response, str]:
        path = f"/tenants/{self.api.tenant_id}"
        return await self.api.call("GET", path), path

    _chalk_config = _chalk_tenant

    async def _chalk_participant(self) -> tuple[httpx2.Response, str]:
        room = await self.api.room()
        path = f"/rooms/{room}/participants"
        made = await self.api.call("POST", path, {"display_name": "Ann"})
        return made, f"{path}/{made.json()['participant']['id']}"

    async def _chalk_webhook(self) -> tuple[httpx2.Response, str]:
        made = await self.api.call("POST", "/webhooks", {"url": "https://hooks.example.org/a"})
        return made, f"/webhooks/{made.json()['id']}"

    async def _kcs_meeting(self) -> tuple[httpx2.Response, str]:
        made = await self.api.call("POST", KCS, MEETING)
        return made, f"{KCS}/{made.json()['data']['id']}"

    async def _kcs_participant(self) -> tuple[httpx2.Response, str]:
        made, path = await self._chalk_participant()
        room, seat = path.removeprefix("/rooms/").split("/participants/")
        return made, f"{KCS}/{room}/participants/{seat}"

    async def _chroom_meeting(self) -> tuple[httpx2.Response, str]:
        made = await self.api.call("POST", "/api/meetings/create", {"title": "A", "host": "ann"})
        return made, f"/api/meetings/{made.json()['meeting_id']}"


@pytest.fixture
async def stage(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Stage]:
    async with open_api(tmp_path / "home", sqlite_url) as api:
        yield Stage(api)


each = pytest.mark.parametrize("what", KINDS)


@each
async def test_only_what_was_last_seen_is_changed(stage: Stage, what: str) -> None:
    kind = KINDS[what]
    path, tag = await stage.made(what)

    first = await stage.change(path, kind, kind.first, If_Match=tag)
    stale = await stage.change(path, kind, kind.second, If_Match=tag)
    fresh = await stage.change(path, kind, kind.second, If_Match=first.headers["etag"])

    assert (first.status_code, stale.status_code, fresh.status_code) == (200, 412, 200)
    assert "PRECONDITION_FAILED" in stale.text
    assert len({tag, first.headers["etag"], fresh.headers["etag"]}) == 3
    if kind.shown:
        seen = await stage.api.call("GET", path)
        assert seen.headers["etag"] == fresh.headers["etag"]


@each
async def test_a_tag_that_is_none_changes_nothing(stage: Stage, what: str) -> None:
    kind = KINDS[what]
    path, _ = await stage.made(what)

    for tag in ('"nonsense"', '"1e3"', 'W/"1"', "1", '"1", "2"', f'"{"9" * 64}"'):
        answer = await stage.change(path, kind, kind.first, If_Match=tag)
        assert answer.status_code == 412, tag


@each
async def test_any_tag_will_do_where_none_or_a_star_is_sent(stage: Stage, what: str) -> None:
    kind = KINDS[what]
    path, _ = await stage.made(what)

    star = await stage.change(path, kind, kind.first, If_Match="*")
    none = await stage.change(path, kind, kind.second)

    assert (star.status_code, none.status_code) == (200, 200)


@each
async def test_of_two_who_saw_the_same_one_changes_it(stage: Stage, what: str) -> None:
    kind = KINDS[what]
    path, tag = await stage.made(what)

    answers = await asyncio.gather(
        stage.change(path, kind, kind.first, If_Match=tag),
        stage.change(path, kind, kind.second, If_Match=tag),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize(
    "what",
    [
        *("chalk room", "chalk tenant", "chalk participant", "chalk webhook"),
        *("kcs meeting", "chroom meeting"),
    ],
)
async def test_what_changed_meanwhile_is_not_deleted(stage: Stage, what: str) -> None:
    kind = KINDS[what]
    path, tag = await stage.made(what)
    changed = await stage.change(path, kind, kind.first)

    stale = await stage.api.call("DELETE", path, If_Match=tag)
    fresh = await stage.api.call("DELETE", path, If_Match=changed.headers["etag"])

    assert stale.status_code == 412
    assert fresh.status_code in (200, 204)


async def test_people_who_come_and_go_change_no_tag(stage: Stage) -> None:
    path, tag = await stage.made("chalk room")
    await stage.api.seat(path.removeprefix("/rooms/"))

    assert (await stage.api.call("GET", path)).headers["etag"] == tag
