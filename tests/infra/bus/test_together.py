from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis
from redis.exceptions import RedisError, ResponseError

from infra.bus.broker import open_async_redis
from infra.bus.together import Together
from tests.support.servers import RedisServer


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    opened = open_async_redis(redis_url, kind=Together)
    yield opened
    await opened.aclose()


async def test_what_is_asked_at_once_is_answered_each_its_own(client: redis.asyncio.Redis) -> None:
    await asyncio.gather(*(client.set(f"k{n}", n) for n in range(500)))

    found = await asyncio.gather(*(client.get(f"k{n}") for n in range(500)))

    assert found == [str(n).encode() for n in range(500)]


async def test_it_travels_in_few_calls(client: redis.asyncio.Redis, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as other:
        before = other.info("clients")
        await asyncio.gather(*(client.incr("n") for _ in range(200)))
        after = other.info("clients")

    assert after["connected_clients"] <= before["connected_clients"] + 1
    assert await client.get("n") == b"200"


async def test_what_one_asks_wrongly_is_no_matter_of_the_others(
    client: redis.asyncio.Redis,
) -> None:
    await client.set("text", "x")

    good, bad, also = await asyncio.gather(
        client.get("text"), client.incr("text"), client.get("text"), return_exceptions=True
    )

    assert (good, also) == (b"x", b"x")
    assert isinstance(bad, ResponseError)


async def test_whoever_does_not_wait_any_more_holds_up_nobody(client: redis.asyncio.Redis) -> None:
    impatient = asyncio.create_task(client.get("k"))
    patient = asyncio.create_task(client.set("k", 1))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient
    assert impatient.cancelled() or impatient.done()


async def test_an_outage_is_told_to_all_and_over_when_it_is(own_redis: RedisServer) -> None:
    client = open_async_redis(own_redis.url, kind=Together)
    assert await client.set("k", 1)
    own_redis.kill()

    told = await asyncio.gather(*(client.get("k") for _ in range(5)), return_exceptions=True)
    own_redis.start()

    assert all(isinstance(each, (RedisError, OSError)) for each in told)
    assert await client.get("k") is None
    await client.aclose()


async def test_a_script_that_redis_forgot_is_brought_again(client: redis.asyncio.Redis) -> None:
    script = client.register_script("return ARGV[1]")

    answers = await asyncio.gather(*(script(args=[n]) for n in range(3)))

    assert answers == [b"0", b"1", b"2"]
