"""A retry under its `Idempotency-Key` is the same command, in every dialect, whatever it makes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from infra.db.tables import SQLModel
from tests.support.api import Api
from tests.support.api import api as open_api

SOON = "2055-11-04T09:00:00Z"
LATER = "2055-11-04T10:00:00Z"
MEETING = {
    "meeting_name": "Standup",
    "meeting_description": "Daily",
    "meeting_start_time": SOON,
    "meeting_end_time": LATER,
    "meeting_location": "Virtual",
    "participants": ["bob", "cy"],
    "meeting_meta_data": {},
}


@dataclass
class Stage:
    """A room, a live meeting of Ann's and a live one of Chroom's: what is made is made in there."""

    api: Api
    room: str
    meeting: str
    chroom: str
    user: str
    "A token of Ann's, who made the meetings."

    async def call(
        self, method: str, path: str, body: Any = None, who: str = "tenant", **headers: str
    ) -> httpx2.Response:
        if who == "nobody":
            return await self.api.call(method, path, body, key="", **headers)
        if who == "ann":
            return await self.api.call(method, path, body, token=self.user, **headers)
        if who == "operator":
            return await self.api.call(method, path, body, key=self.api.operator, **headers)
        return await self.api.call(method, path, body, **headers)

    def count(self, table: str) -> int:
        rows = SQLModel.metadata.tables[table]
        with self.api.lobby.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(rows)).scalar_one()


@dataclass(frozen=True)
class Making:
    """One way of making something."""

    path: str
    body: dict[str, Any]
    other: dict[str, Any] | None
    "The same, and yet something else. None: it has no body."
    table: str
    "What there is one more of afterwards."
    who: str = "tenant"
    more: int = 1

    def at(self, stage: Stage) -> str:
        return self.path.format(
            tenant=stage.api.tenant_id,
            room=stage.room,
            meeting=stage.meeting,
            chroom=stage.chroom,
        )


KCS = "/api/meeting"
MAKINGS = {
    "chalk tenant": Making("/tenants", {"name": "A"}, {"name": "B"}, "tenants", who="operator"),
    "chalk key": Making(
        "/tenants/{tenant}/rotate-key", {}, {"overlap_seconds": 9}, "api_keys", who="operator"
    ),
    "chalk room": Making("/rooms", {"name": "A"}, {"name": "B"}, "rooms"),
    "chalk plan": Making(
        "/rooms/schedule",
        {"name": "A", "starts_at": SOON, "invitees": [{"external_user_id": "bob"}]},
        {"name": "A", "starts_at": LATER},
        "rooms",
    ),
    "chalk seat": Making(
        "/rooms/{room}/participants", {"display_name": "A"}, {"display_name": "B"}, "participants"
    ),
    "chalk seats": Making(
        "/rooms/{room}/participants/bulk",
        {"participants": [{"display_name": "A"}, {"display_name": "B"}]},
        {"participants": [{"display_name": "A"}]},
        "participants",
        more=2,
    ),
    "chalk invite": Making(
        "/rooms/{room}/join-token", {"expires_in": 60}, {"expires_in": 61}, "rooms", more=0
    ),
    "chalk webhook": Making(
        "/webhooks",
        {"url": "https://hooks.example.org/a"},
        {"url": "https://hooks.example.org/b"},
        "webhook_endpoints",
    ),
    "kcs meeting": Making(KCS, MEETING, {**MEETING, "meeting_name": "Retro"}, "rooms", who="ann"),
    "kcs series": Making(
        KCS,
        {**MEETING, "meeting_type": "recurring", "recurrence": "FREQ=DAILY;COUNT=5"},
        {**MEETING, "meeting_type": "recurring", "recurrence": "FREQ=DAILY;COUNT=6"},
        "rooms",
        who="ann",
    ),
    "kcs participants": Making(
        KCS + "/{meeting}/participants",
        {"participants": [{"user_id": "dan"}]},
        {"participants": [{"user_id": "eve"}]},
        "participants",
        who="ann",
    ),
    "kcs seat": Making(KCS + "/{chroom}/join", {}, None, "participants"),
    "kcs message": Making(
        KCS + "/{meeting}/chat", {"message": "A"}, {"message": "B"}, "chat_messages", who="ann"
    ),
    "chroom meeting": Making(
        "/api/meetings/create",
        {"title": "A", "host": "ann"},
        {"title": "B", "host": "ann"},
        "rooms",
    ),
    "chroom seat": Making(
        "/api/meetings/{chroom}/join", {"user_id": "zoe"}, {"user_id": "yan"}, "participants"
    ),
}


@pytest.fixture
async def stage(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Stage]:
    turn = {"turn_url": "turn:turn.example.org:3478", "turn_secret": SecretStr("s")}
    async with open_api(tmp_path / "home", sqlite_url, **turn) as api:
        issued = await api.made(
            "/auth/token", {"api_key": api.key, "user_id": "ann", "role": "teacher"}, key=""
        )
        token = issued["access_token"]
        live = await api.call("POST", KCS, {**MEETING, "meeting_type": "instant"}, token=token)
        meeting = live.json()["data"]["id"]
        await api.call("POST", f"{KCS}/{meeting}/join", token=token)
        made = await api.call("POST", "/api/meetings/create", {"title": "A", "host": "ann"})
        chroom = made.json()["meeting_id"]
        await api.call("POST", f"/api/meetings/{chroom}/start")
        yield Stage(api, await api.room(), meeting, chroom, token)


@pytest.mark.parametrize("making", MAKINGS.values(), ids=MAKINGS.keys())
async def test_a_retry_is_answered_to_the_last_byte_and_makes_nothing_more(
    stage: Stage, making: Making
) -> None:
    path, before = making.at(stage), stage.count(making.table)

    first = await stage.call("POST", path, making.body, making.who, Idempotency_Key="k")
    # A minute later, so that nothing in the answer is of now.
    stage.api.lobby.ahead += timedelta(minutes=1)
    again = await stage.call("POST", path, making.body, making.who, Idempotency_Key="k")

    assert first.status_code in (200, 201), first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.get("etag") == first.headers.get("etag")
    assert stage.count(making.table) == before + making.more
    if making.other is not None:
        other = await stage.call("POST", path, making.other, making.who, Idempotency_Key="k")
        assert (other.status_code, "KEY_REUSED" in other.text) == (409, True)
        assert stage.count(making.table) == before + making.more


@pytest.mark.parametrize("which", ["chalk room", "kcs meeting", "chroom meeting", "chalk invite"])
async def test_what_came_of_a_command_that_took_too_long_is_told_to_a_retry(
    stage: Stage, which: str
) -> None:
    making = MAKINGS[which]
    path, before = making.at(stage), stage.count(making.table)

    stage.api.bus.late = True
    pending = await stage.call("POST", path, making.body, making.who, Idempotency_Key="k")
    stage.api.bus.late = False
    told, again = [
        await stage.call("POST", path, making.body, making.who, Idempotency_Key="k")
        for _ in range(2)
    ]

    assert (pending.status_code, "COMMAND_PENDING" in pending.text) == (503, True)
    assert UUID(pending.json()["command_id"])
    assert pending.headers["retry-after"] == "1"
    assert told.status_code in (200, 201)
    assert again.content == told.content
    assert stage.count(making.table) == before + making.more


async def test_a_refusal_is_told_again_too(stage: Stage) -> None:
    body = {"user_id": "zoe"}
    over = f"/api/meetings/{stage.chroom}"
    await stage.call("POST", f"{over}/end")

    first = await stage.call("POST", f"{over}/join", body, Idempotency_Key="k")
    again = await stage.call("POST", f"{over}/join", body, Idempotency_Key="k")

    assert (first.status_code, again.status_code) == (410, 410)
    assert first.json()["error"] == again.json()["error"] == "MEETING_OVER"


async def test_one_key_is_another_command_in_each_dialect(stage: Stage) -> None:
    for which in ("chalk room", "kcs meeting", "chroom meeting"):
        making = MAKINGS[which]
        answer = await stage.call(
            "POST", making.at(stage), making.body, making.who, Idempotency_Key="k"
        )
        assert answer.status_code in (200, 201), which
