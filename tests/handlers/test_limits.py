from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from limits import WindowStats
from limits.aio.storage import MemoryStorage

from handlers.limits import Rate, RateLimit
from tests.support.api import Api
from tests.support.api import api as open_api
from tests.support.servers import RedisServer


@pytest.fixture
async def limited(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Api]:
    async with open_api(tmp_path / "home", sqlite_url, rate_limit_per_minute=5) as made:
        yield made


async def test_what_is_left_is_said_with_every_answer(limited: Api) -> None:
    left = [
        (await limited.call("GET", path)).headers["x-ratelimit-remaining"]
        for path in ("/rooms", "/rooms/x", "/recordings")
    ]

    assert left == ["4", "3", "2"]


async def test_more_than_the_share_is_refused_and_told_when_to_come_back(limited: Api) -> None:
    for _ in range(5):
        assert (await limited.call("GET", "/rooms")).status_code == 200

    answer = await limited.call("GET", "/rooms")

    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
    assert answer.headers["x-ratelimit-limit"] == "5"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_a_window_that_begins_this_moment_ends_in_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = RateLimit(MemoryStorage(), 3)

    async def stats(*_: object) -> WindowStats:
        return WindowStats(time.time(), 2)

    monkeypatch.setattr(limit._windows, "get_window_stats", stats)
    before = time.time()

    told = await limit.hit(Rate("somebody", 3))

    assert told is not None
    assert told.reset_at >= before + 60


async def test_tenants_do_not_use_up_each_others_share(limited: Api) -> None:
    _, other = await limited.tenant()
    for _ in range(6):
        await limited.call("GET", "/rooms")

    assert (await limited.call("GET", "/rooms", key=other)).status_code == 200


async def test_a_tenants_tokens_share_its_share(limited: Api) -> None:
    token = (await limited.made("/auth/token", {"api_key": limited.key}, key=""))["access_token"]
    for _ in range(5):
        await limited.call("GET", "/rooms")

    assert (await limited.call("GET", "/rooms", token=token)).status_code == 429


async def test_who_guesses_keys_is_slowed_down_wherever_they_say_they_are(limited: Api) -> None:
    guess = {"api_key": "chalk_live_guess"}

    answers = [
        await limited.call("POST", "/auth/token", guess, key="", X_Forwarded_For=f"198.51.100.{n}")
        for n in range(6)
    ]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


async def test_who_guesses_keys_on_any_route_is_slowed_down_and_nobody_else(limited: Api) -> None:
    answers = [await limited.call("GET", "/rooms", key="chalk_live_guess") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert (await limited.call("GET", "/rooms")).status_code == 200


async def test_without_redis_everything_is_let_through_and_said_once(
    api: Api, own_redis: RedisServer
) -> None:
    limit = RateLimit.on_redis(own_redis.url, per_minute=5)
    api.lobby.context = dataclasses.replace(api.lobby.context, limit=limit)
    first = await limit.hit(Rate("tenant:x", 5))
    own_redis.kill()

    with structlog.testing.capture_logs() as logged:
        during = [await limit.hit(Rate("tenant:x", 5)) for _ in range(10)]

    assert first is not None and first.remaining == 4
    assert during == [None] * 10
    assert [line["event"] for line in logged] == ["rate_limit.uncounted"]
    assert limit.is_blind
    await limit.close()


async def test_two_handlers_count_together(redis_url: str) -> None:
    one, two = (RateLimit.on_redis(redis_url, per_minute=3) for _ in range(2))

    allowed = [await limit.hit(Rate("tenant:x", 3)) for limit in (one, two, one, two)]

    assert [hit.allowed for hit in allowed if hit] == [True, True, True, False]
    await one.close()
    await two.close()
