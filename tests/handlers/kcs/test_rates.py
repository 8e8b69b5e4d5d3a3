from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handlers.dialects.kcs.document import KCS, PER_MINUTE
from tests.handlers.kcs.conftest import STANDUP, Campus
from tests.support.api import api as open_api


@pytest.fixture
async def limited(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Campus]:
    async with open_api(tmp_path / "home", sqlite_url, rate_limit_per_minute=1000) as api:
        yield Campus(api, api.tenant_id, api.key)


def test_the_classes_and_what_counts_in_them_are_the_published_ones() -> None:
    classes = {
        f"{operation.method} {operation.path}": operation.rate
        for operation in KCS.operations
        if operation.rate != "general"
    }

    assert PER_MINUTE == {"general": 100, "create": 10, "join": 20, "manage": 30}
    assert classes == {
        "POST /": "create",
        "POST /{room_id}/join": "join",
        "POST /{room_id}/participants": "manage",
        "DELETE /{room_id}/participants": "manage",
        "POST /{room_id}/participants/remove": "manage",
        "PATCH /{room_id}/participants/{participant_id}/role": "manage",
    }


async def test_each_class_is_counted_by_itself_and_each_user_too(limited: Campus) -> None:
    for _ in range(10):
        assert (await limited.call("POST", "", STANDUP)).status_code == 200

    over = await limited.call("POST", "", STANDUP)
    other_class = await limited.call("GET", "")
    other_user = await limited.call("POST", "", STANDUP, user="bob")

    assert over.status_code == 429
    said = over.json()
    assert (said["success"], said["code"], said["message"]) == (
        False,
        "RATE_LIMIT_EXCEEDED",
        "Rate limit exceeded. Please slow down.",
    )
    assert over.headers["x-ratelimit-limit"] == "10"
    assert over.headers["x-ratelimit-remaining"] == "0"
    assert 1 <= int(over.headers["retry-after"]) <= 60
    assert (other_class.status_code, other_user.status_code) == (200, 200)


async def test_every_answer_says_what_is_left_of_its_class(limited: Campus) -> None:
    general = await limited.call("GET", "")
    create = await limited.call("POST", "", STANDUP)
    meeting = create.json()["data"]["id"]
    join = await limited.call("POST", f"/{meeting}/join")
    manage = await limited.call(
        "POST", f"/{meeting}/participants", {"participants": [{"user_id": "dan"}]}
    )

    limits = [int(each.headers["x-ratelimit-limit"]) for each in (general, create, join, manage)]
    left = [int(each.headers["x-ratelimit-remaining"]) for each in (general, create, join, manage)]
    assert limits == [100, 10, 20, 30]
    assert left == [99, 9, 19, 29]
    assert time.time() <= int(general.headers["x-ratelimit-reset"]) <= time.time() + 61


async def test_the_prefixes_share_one_count(limited: Campus) -> None:
    await limited.call("GET", "")

    answer = await limited.api.call("GET", "http://parley.test/meeting", token=limited.token("ann"))

    assert answer.headers["x-ratelimit-remaining"] == "98"


async def test_nothing_a_meeting_answers_is_kept_by_caches(limited: Campus) -> None:
    meeting = await limited.meeting()
    for path in ("", f"/{meeting}", f"/{meeting}/chat", f"/{meeting}/attendance?format=csv"):
        answer = await limited.call("GET", path)

        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_is_no_route_is_said_in_this_apis_form(limited: Campus) -> None:
    assert await limited.refused("GET", "/system/nothing/here") == (
        404,
        "NO_SUCH_ROUTE",
        "Not found",
    )
    assert (await limited.refused("PATCH", "/"))[:2] == (405, "METHOD_NOT_ALLOWED")
