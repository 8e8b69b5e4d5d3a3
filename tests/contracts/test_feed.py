"""A room's news, on Redis and on the stand-in alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
import redis

from infra.bus.port import Feed
from infra.bus.redis import RedisBus
from infra.contract.events import HandChanged, RoomEvent, RoomMoved, Signal
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason, Refused
from tests.support.bus import LocalBus
from tests.support.servers import RedisServer

PATIENCE_S = 10.0


@dataclass
class Case:
    feed: Feed
    break_off: Callable[[], None]
    "Have what carries the news go away and come back empty."


@pytest.fixture(params=["local", "redis restarted", "connections cut"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "local":
        local = LocalBus()
        yield Case(local, local.interrupt)
        return
    server: RedisServer = request.getfixturevalue("own_redis")
    bus = await RedisBus.open(server.url)

    def restart() -> None:
        server.kill()
        asyncio.get_running_loop().call_later(0.3, server.start)

    def cut() -> None:
        with redis.Redis.from_url(server.url) as client:
            client.client_kill_filter(_type="pubsub")

    yield Case(bus, cut if request.param == "connections cut" else restart)
    await bus.close()


def moved(room: RoomId, epoch: int) -> RoomMoved:
    return RoomMoved(room_id=room, epoch=epoch)


@asynccontextmanager
async def listening(feed: Feed, room: RoomId) -> AsyncIterator[AsyncIterator[RoomEvent | Signal]]:
    """Listen as soon as that is possible again."""
    while True:
        try:
            async with AsyncExitStack() as exits:
                news = await exits.enter_async_context(feed.listen(room))
                # A subscription that was made just before the break is told of it here.
                await feed.signal(room, moved(room, 0))
                while await anext(news) != moved(room, 0):
                    pass
                kept = exits.pop_all()
        except Refused:
            await asyncio.sleep(0.05)
            continue
        async with kept:
            yield news
        return


async def test_everybody_who_listens_hears_what_is_said_in_their_room(case: Case) -> None:
    room, other = RoomId(new_id()), RoomId(new_id())
    said: list[Signal] = [
        moved(room, 1),
        HandChanged(room_id=room, participant_id=ParticipantId(new_id()), raised=True),
    ]
    async with (
        asyncio.timeout(PATIENCE_S),
        case.feed.listen(room) as first,
        case.feed.listen(room) as second,
        case.feed.listen(other) as elsewhere,
    ):
        for news in said:
            await case.feed.signal(room, news)
        await case.feed.signal(other, moved(other, 9))

        heard = [[await anext(news) for _ in said] for news in (first, second)]
        assert heard == [said, said]
        assert await anext(elsewhere) == moved(other, 9)


async def test_whoever_listens_is_told_of_an_interruption_and_can_listen_again(case: Case) -> None:
    room = RoomId(new_id())
    async with asyncio.timeout(PATIENCE_S):
        async with case.feed.listen(room) as news:
            case.break_off()
            with pytest.raises(Refused) as told:
                await anext(news)

        async with listening(case.feed, room) as news:
            await case.feed.signal(room, moved(room, 2))
            assert await anext(news) == moved(room, 2)
    assert told.value.refusal.reason is Reason.UNAVAILABLE


async def test_one_that_keeps_listening_does_not_hide_the_interruption_from_the_next(
    case: Case,
) -> None:
    room = RoomId(new_id())
    async with asyncio.timeout(PATIENCE_S), case.feed.listen(room):
        case.break_off()
        async with listening(case.feed, room) as news:
            await case.feed.signal(room, moved(room, 3))

            assert await anext(news) == moved(room, 3)
