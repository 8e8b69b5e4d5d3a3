from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from infra.bus import keys
from infra.bus.pods import FIGURES_MS, PodInbox
from infra.bus.port import PodReport
from infra.bus.redis import RedisBus
from infra.contract.ids import ParticipantId, PodId, RoomId, SpoolId, TrackId, new_id
from infra.contract.live import DropRoom
from infra.contract.messages import Done, LiveCommand
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView
from tests.support.servers import RedisServer

POD = PodId(new_id())
ROOM, OTHER = RoomId(new_id()), RoomId(new_id())


class Pod:
    """Answers orders with `say`, and notes them."""

    def __init__(self, url: str) -> None:
        self.inbox = PodInbox(url, POD)
        self.heard: list[LiveCommand[Any]] = []
        self.say: Any = Done()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for command, answer in self.inbox:
            self.heard.append(command)
            await answer(self.say)

    async def close(self) -> None:
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.2)
        await self.inbox.close()


@asynccontextmanager
async def meeting(url: str) -> AsyncIterator[tuple[RedisBus, Pod]]:
    bus, pod = await RedisBus.open(url), Pod(url)
    try:
        yield bus, pod
    finally:
        await bus.close()
        await pod.close()


def drop(room: RoomId = ROOM, epoch: int = 1) -> DropRoom:
    return DropRoom(room_id=room, epoch=epoch)


async def test_an_order_is_carried_out_and_answered(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        assert await bus.order(POD, drop()) == Done()

        assert pod.heard == [drop()]


async def test_orders_arrive_as_they_were_sent(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        await asyncio.gather(*(bus.order(POD, drop(epoch=n)) for n in range(30)))

        assert [command.epoch for command in pod.heard] == list(range(30))


async def test_orders_from_before_the_pod_listened_are_heard(redis_url: str) -> None:
    bus = await RedisBus.open(redis_url)
    waiting = asyncio.create_task(bus.order(POD, drop()))
    await asyncio.sleep(0.1)

    pod = Pod(redis_url)

    assert await waiting == Done()
    await bus.close()
    await pod.close()


async def test_a_pods_refusal_reaches_who_asked(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        pod.say = refuse(Reason.STALE_EPOCH)

        with pytest.raises(Refused) as refused:
            await bus.order(POD, drop())

    assert refused.value.refusal.reason is Reason.STALE_EPOCH


async def test_a_pod_that_broke_over_an_order_is_unavailable(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        pod.say = RuntimeError("a bug")

        with pytest.raises(Refused) as refused:
            await bus.order(POD, drop())

    assert refused.value.refusal.reason is Reason.UNAVAILABLE


async def test_a_dead_pod_shows_as_pending(redis_url: str) -> None:
    bus = await RedisBus.open(redis_url)

    with pytest.raises(Refused) as refused:
        await bus.order(POD, drop(), within=0.2)

    assert refused.value.refusal.reason is Reason.COMMAND_PENDING
    await bus.close()


async def test_an_order_that_was_read_and_not_answered_is_read_again(redis_url: str) -> None:
    bus = await RedisBus.open(redis_url)
    waiting = asyncio.create_task(bus.order(POD, drop()))
    first = PodInbox(redis_url, POD)
    command, _ = await anext(aiter(first))
    # The process lost its connection before it answered.
    await first.close()

    pod = Pod(redis_url)

    assert command == drop()
    assert await waiting == Done()
    assert pod.heard == [drop()]
    await bus.close()
    await pod.close()


async def test_an_order_sent_twice_is_carried_out_once(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        body = drop().model_dump_json()
        envelope = f'{{"command_id":"{new_id()}","kind":"room.drop","body":{body}}}'
        with redis.Redis.from_url(redis_url) as client:
            for _ in range(2):
                client.xadd(keys.orders(POD), {"envelope": envelope})
        await bus.order(POD, drop(epoch=9))

        assert [command.epoch for command in pod.heard] == [1, 9]


async def test_what_is_no_order_is_dropped_and_the_next_one_heard(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        await bus.order(POD, drop())
        with redis.Redis.from_url(redis_url) as client:
            client.xadd(keys.orders(POD), {"envelope": "{"})
            client.xadd(keys.orders(POD), {"something": "else"})
            unknown = f'{{"command_id":"{new_id()}","kind":"room.explode","body":{{}}}}'
            client.xadd(keys.orders(POD), {"envelope": unknown})

        assert await bus.order(POD, drop(epoch=2)) == Done()

        assert [command.epoch for command in pod.heard] == [1, 2]
        with redis.Redis.from_url(redis_url) as client:
            for _ in range(100):
                if not client.xlen(keys.orders(POD)):
                    break
                # The answer goes out before the order is taken off.
                await asyncio.sleep(0.02)
            assert client.xlen(keys.orders(POD)) == 0


async def test_orders_are_heard_when_redis_comes_back_empty(own_redis: RedisServer) -> None:
    async with meeting(own_redis.url) as (bus, pod):
        await bus.order(POD, drop())

        own_redis.kill()
        own_redis.start()

        async with asyncio.timeout(10):
            while True:
                try:
                    await bus.order(POD, drop(epoch=2))
                    break
                except Refused:
                    await asyncio.sleep(0.05)
        assert pod.heard[-1].epoch == 2


async def test_orders_are_heard_after_everything_was_flushed(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, _):
        await bus.order(POD, drop())
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()

        assert await bus.order(POD, drop(epoch=2), within=5.0) == Done()


def report(**more: Any) -> PodReport:
    return PodReport(
        pod_id=POD,
        spool_id=SpoolId(new_id()),
        pid=1,
        engine="reference",
        rooms=0,
        connections=0,
        draining=False,
        media_address="127.0.0.1:1",
        **more,
    )


async def test_a_pod_is_known_while_it_reports(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        said = report()
        await pod.inbox.report(said)
        assert await bus.pods() == [said]

        with redis.Redis.from_url(redis_url) as client:
            assert 0 < client.pttl(keys.pod(POD)) <= 5000  # type: ignore[operator]
            client.delete(keys.pod(POD))

        assert await bus.pods() == []


async def test_a_pod_that_retires_is_gone_at_once(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        await pod.inbox.report(report())

        await pod.inbox.retire()

        assert await bus.pods() == []


def lease(client: redis.Redis, room: RoomId, pod: PodId, epoch: int) -> None:
    client.set(keys.lease(room), f'{{"pod":"{pod}","epoch":{epoch}}}', px=1000)


@pytest.mark.parametrize(
    ("pod", "epoch", "expected"),
    [
        (POD, 3, "held"),
        (POD, 4, "lost"),
        (PodId(new_id()), 3, "lost"),
        (PodId(new_id()), 4, "lost"),
        # The lease of an older tenure is left over: nobody holds the room under ours yet.
        (PodId(new_id()), 2, "missing"),
        (None, 0, "missing"),
    ],
)
async def test_a_lease_is_renewed_for_its_holder_alone(
    redis_url: str, pod: PodId | None, epoch: int, expected: str
) -> None:
    inbox = PodInbox(redis_url, POD)
    with redis.Redis.from_url(redis_url) as client:
        if pod is not None:
            lease(client, ROOM, pod, epoch)
        lease(client, OTHER, POD, 1)

        held = await inbox.renew_leases({ROOM: 3, OTHER: 1})

        assert held == {ROOM: expected, OTHER: "held"}
        assert (client.pttl(keys.lease(ROOM)) > 4000) == (expected == "held")  # type: ignore[operator]
        assert client.pttl(keys.lease(OTHER)) > 4000  # type: ignore[operator]
    await inbox.close()


def track() -> TrackView:
    return TrackView(
        track_id=TrackId(new_id()),
        participant_id=ParticipantId(new_id()),
        kind="audio",
        source="microphone",
    )


async def test_tracks_are_seen_by_everybody(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        assert await bus.tracks(ROOM) == []
        playing = [track(), track()]

        await pod.inbox.set_tracks(ROOM, playing)
        assert await bus.tracks(ROOM) == playing

        await pod.inbox.set_tracks(ROOM, [])
        assert await bus.tracks(ROOM) == []


async def test_tracks_are_written_again_after_redis_lost_them(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        playing = [track()]
        await pod.inbox.set_tracks(ROOM, playing)
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
            lease(client, ROOM, POD, 1)

        await pod.inbox.renew_leases({ROOM: 1})

        assert await bus.tracks(ROOM) == playing


async def test_figures_are_seen_while_they_are_said(redis_url: str) -> None:
    async with meeting(redis_url) as (bus, pod):
        assert await bus.figures(ROOM) is None
        measured = LiveFigures(room_id=ROOM, epoch=3, at=datetime.now(UTC), links=())

        await pod.inbox.set_figures([measured])

        assert await bus.figures(ROOM) == measured
        assert await bus.figures_of([OTHER, ROOM]) == [measured]
        assert await bus.figures_of([]) == []
        with redis.Redis.from_url(redis_url) as client:
            assert 0 < int(client.pttl(keys.figures(ROOM))) <= FIGURES_MS  # type: ignore[arg-type]
            client.set(keys.figures(ROOM), "{}")
        assert await bus.figures(ROOM) is None
