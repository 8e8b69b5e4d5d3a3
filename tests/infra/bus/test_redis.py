from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import redis
from dramatiq import Actor, Worker

from infra.bus import keys
from infra.bus.broker import ACTOR, WakeRedisBroker, open_redis
from infra.bus.redis import RedisBus
from infra.contract.commands import DeleteTenant, RotateApiKey
from infra.contract.events import RoomEvent, RoomMoved
from infra.contract.ids import CommandId, ParticipantId, RoomId, TenantId, new_id
from infra.contract.messages import Done, Envelope, Outcome
from infra.contract.refusals import Reason, Refused, refuse
from tests.support.servers import RedisServer, free_port

TENANT = TenantId(new_id())
ROOM = RoomId(new_id())


class Owner:
    """Stands where a worker would: answers every command with what `say` holds."""

    def __init__(self, url: str) -> None:
        self.broker = WakeRedisBroker(url, prefetch={keys.COMMANDS: 4})
        self.heard: list[Envelope] = []
        self.say: Outcome | None = None
        self.takes_s = 0.0
        Actor(
            self._perform,
            broker=self.broker,
            actor_name=ACTOR,
            queue_name=keys.COMMANDS,
            priority=0,
            options={},
        )
        self.worker = Worker(self.broker, worker_threads=4, worker_timeout=300)
        self.worker.start()

    def _perform(self, raw: str) -> None:
        envelope = Envelope.model_validate_json(raw)
        self.heard.append(envelope)
        time.sleep(self.takes_s)
        outcome = self.say or Outcome(command_id=envelope.command_id, reply={})
        answer = outcome.model_copy(update={"command_id": envelope.command_id})
        if envelope.reply_to:
            self.broker.reply(envelope.reply_to, answer.model_dump_json())

    def close(self) -> None:
        self.worker.stop(timeout=5000)


@pytest.fixture
def owner(redis_url: str) -> Iterator[Owner]:
    made = Owner(redis_url)
    yield made
    made.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisBus]:
    bus = await RedisBus.open(url)
    try:
        yield bus
    finally:
        await bus.close()


def command() -> DeleteTenant:
    return DeleteTenant(tenant_id=TENANT)


async def reason_of(answer: Any) -> Reason:
    with pytest.raises(Refused) as refused:
        await answer
    return refused.value.refusal.reason


async def test_a_command_is_answered_with_its_reply(redis_url: str, owner: Owner) -> None:
    async with opened(redis_url) as bus:
        assert await bus.ask(command()) == Done()

    assert owner.heard[0].body == command().model_dump(mode="json")


async def test_what_makes_a_retry_the_same_command_travels_along(
    redis_url: str, owner: Owner
) -> None:
    command_id = CommandId(new_id())

    async with opened(redis_url) as bus:
        await bus.ask(command(), command_id=command_id, body_sha256="aa", request_id="r-1")

    heard = owner.heard[0]
    assert (heard.command_id, heard.body_sha256, heard.request_id) == (command_id, "aa", "r-1")
    assert heard.not_after is not None
    assert heard.not_after > datetime.now(UTC)


async def test_many_callers_each_get_their_own_answer(redis_url: str, owner: Owner) -> None:
    async with opened(redis_url) as bus:
        replies = await asyncio.gather(
            *(
                bus.ask(RotateApiKey(tenant_id=TENANT, api_key_sha256=str(n)), within=10)
                for n in range(200)
            )
        )

    assert replies == [Done()] * 200
    assert sorted(int(heard.body["api_key_sha256"]) for heard in owner.heard) == list(range(200))


async def test_two_who_ask_under_one_id_are_both_answered(redis_url: str, owner: Owner) -> None:
    command_id = CommandId(new_id())

    async with opened(redis_url) as bus:
        both = [bus.ask(command(), command_id=command_id) for _ in range(2)]

        assert await asyncio.gather(*both) == [Done(), Done()]


async def test_an_owners_refusal_is_raised(redis_url: str, owner: Owner) -> None:
    no = refuse(Reason.ROOM_FULL, "no seat left").refusal
    owner.say = Outcome(command_id=CommandId(new_id()), refusal=no.model_dump(mode="json"))

    async with opened(redis_url) as bus:
        with pytest.raises(Refused) as refused:
            await bus.ask(command())

    assert refused.value.refusal == no


async def test_an_owner_that_broke_is_unavailable(redis_url: str, owner: Owner) -> None:
    owner.say = Outcome(command_id=CommandId(new_id()), error="RuntimeError")

    async with opened(redis_url) as bus:
        assert await reason_of(bus.ask(command())) is Reason.UNAVAILABLE


async def test_a_late_owner_is_pending_under_the_commands_id(redis_url: str, owner: Owner) -> None:
    owner.takes_s = 0.5
    command_id = CommandId(new_id())

    async with opened(redis_url) as bus:
        with pytest.raises(Refused) as refused:
            await bus.ask(command(), within=0.2, command_id=command_id)

    assert refused.value.refusal.reason is Reason.COMMAND_PENDING
    assert refused.value.refusal.subject == str(command_id)
    assert refused.value.refusal.retry_after_s is not None


async def test_who_tells_does_not_wait(redis_url: str, owner: Owner) -> None:
    owner.takes_s = 0.3

    async with opened(redis_url) as bus:
        began = time.monotonic()
        command_id = await bus.tell(command())
        took = time.monotonic() - began
        for _ in range(500):
            if owner.heard:
                break
            await asyncio.sleep(0.01)

    assert took < 0.25
    assert (owner.heard[0].command_id, owner.heard[0].reply_to) == (command_id, None)


async def test_without_redis_every_call_says_so_within_two_seconds() -> None:
    async with opened(f"redis://127.0.0.1:{free_port()}/0") as bus:
        for call in (
            bus.ask(command()),
            bus.tell(command()),
            bus.pods(),
            bus.tracks(ROOM),
            bus.figures(ROOM),
            bus.signal(ROOM, RoomMoved(room_id=ROOM, epoch=1)),
            bus.ping(),
        ):
            began = time.monotonic()
            assert await reason_of(call) is Reason.UNAVAILABLE
            assert time.monotonic() - began < 2.0


async def test_a_redis_that_hangs_is_unavailable_within_two_seconds(own_redis: RedisServer) -> None:
    async with opened(own_redis.url) as bus:
        await bus.ping()
        own_redis.pause()
        try:
            began = time.monotonic()
            assert await reason_of(bus.ask(command())) is Reason.UNAVAILABLE
            assert time.monotonic() - began < 2.1
        finally:
            own_redis.resume()


async def test_asking_works_again_when_redis_comes_back_empty(own_redis: RedisServer) -> None:
    owner = Owner(own_redis.url)
    async with opened(own_redis.url) as bus:
        assert await bus.ask(command()) == Done()

        own_redis.kill()
        assert await reason_of(bus.ask(command())) is Reason.UNAVAILABLE
        own_redis.start()

        async with asyncio.timeout(10):
            while True:
                try:
                    assert await bus.ask(command(), within=1.0) == Done()
                    break
                except Refused:
                    await asyncio.sleep(0.05)
    owner.close()


def event(seq: int) -> RoomEvent:
    return RoomEvent(
        room_id=ROOM,
        tenant_id=TENANT,
        seq=seq,
        kind="chat.message",
        at=datetime(2026, 11, 1, tzinfo=UTC),
        data={"message": {"text": "hi"}},
    )


async def test_everybody_who_listens_hears_a_rooms_news_in_order(redis_url: str) -> None:
    async with opened(redis_url) as bus, opened(redis_url) as other:  # noqa: SIM117
        async with bus.listen(ROOM) as one, bus.listen(ROOM) as two, other.listen(ROOM) as far:
            for seq in (1, 2):
                await other.signal(ROOM, event(seq))
            await bus.signal(ROOM, RoomMoved(room_id=ROOM, epoch=4))

            for news in (one, two, far):
                heard = [await anext(news) for _ in range(3)]

                assert heard == [event(1), event(2), RoomMoved(room_id=ROOM, epoch=4)]


async def test_other_rooms_are_not_heard(redis_url: str) -> None:
    async with opened(redis_url) as bus, bus.listen(ROOM) as news:
        await bus.signal(RoomId(new_id()), RoomMoved(room_id=ROOM, epoch=1))
        await bus.signal(ROOM, event(7))

        assert await anext(news) == event(7)


async def test_what_is_no_news_does_not_end_the_listening(redis_url: str) -> None:
    async with opened(redis_url) as bus, bus.listen(ROOM) as news:
        with open_redis(redis_url) as client:
            for junk in ("{", '"text"', '{"type":"event"}', '{"type":"signal","body":{"kind":1}}'):
                client.publish(keys.signals(ROOM), junk)
        await bus.signal(ROOM, event(1))

        assert await anext(news) == event(1)


async def test_listening_again_after_leaving_works(redis_url: str) -> None:
    async with opened(redis_url) as bus:
        for seq in range(5):
            async with bus.listen(ROOM) as news:
                await bus.signal(ROOM, event(seq))
                assert await anext(news) == event(seq)


async def test_listeners_hear_of_an_interruption_and_can_listen_again(
    own_redis: RedisServer,
) -> None:
    async with opened(own_redis.url) as bus:
        async with bus.listen(ROOM) as news:
            own_redis.kill()
            own_redis.start()
            async with asyncio.timeout(5):
                assert await reason_of(anext(news)) is Reason.UNAVAILABLE

        async with asyncio.timeout(5), bus.listen(ROOM) as news:
            await bus.signal(ROOM, event(1))
            assert await anext(news) == event(1)


async def test_presence_lasts_a_while(redis_url: str) -> None:
    seat = ParticipantId(new_id())
    async with opened(redis_url) as bus:
        await bus.touch_presence(ROOM, seat)

    with open_redis(redis_url) as client:
        assert 14 <= left_s(client, seat) <= 16


def left_s(client: redis.Redis, seat: ParticipantId) -> int:
    """Seconds until the participant no longer counts as present."""
    return cast(int, client.ttl(keys.presence(ROOM, seat))) - keys.HEARD_S


async def test_presence_lasts_from_when_somebody_was_heard_last(redis_url: str) -> None:
    seat, other, gone = (ParticipantId(new_id()) for _ in range(3))
    async with opened(redis_url) as bus:
        await bus.touch_presence(ROOM, seat, heard_s_ago=6)
        await bus.touch_presence(ROOM, other)
        await bus.touch_presence(ROOM, other, heard_s_ago=6)
        await bus.touch_presence(ROOM, gone, heard_s_ago=80)

    with open_redis(redis_url) as client:
        assert 8 <= left_s(client, seat) <= 10
        assert 14 <= left_s(client, other) <= 16
        assert not client.exists(keys.presence(ROOM, gone))


async def test_workers_are_listed_while_they_live(redis_url: str) -> None:
    with open_redis(redis_url) as client:
        for name, pid in (("a", 1), ("b", 2)):
            client.sadd(keys.WORKERS, f"uploads.x:{name}")
            client.set(keys.worker("uploads.x", name), pid)
        async with opened(redis_url) as bus:
            assert await bus.workers() == {"uploads.x": [1, 2]}

            client.delete(keys.worker("uploads.x", "a"))
            assert await bus.workers() == {"uploads.x": [2]}
            assert client.smembers(keys.WORKERS) == {b"uploads.x:b"}
