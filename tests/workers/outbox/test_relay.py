from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import redis
from sqlalchemy import Engine, text

from infra.bus import keys
from infra.bus.broker import WakeRedisBroker, open_redis
from infra.contract.events import RoomMoved
from infra.contract.ids import JobId, PodId, RoomId, new_id
from infra.contract.live import DropRoom
from infra.db.work import Work, begin
from infra.settings import Settings
from infra.storage.port import ObjectStore
from tests.support.servers import RedisServer
from workers.outbox.relay import Sender, relay
from workers.tools import Tools

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROOM = RoomId(new_id())
POD = PodId(new_id())


class Post:
    def __init__(self, engine: Engine, url: str) -> None:
        self.now = NOW
        self.redis = open_redis(url)
        self.broker = WakeRedisBroker(url)
        self.sender = Sender(engine, self.redis, self.broker)
        self.tools = Tools(
            engine=engine,
            redis=self.redis,
            store=cast(ObjectStore, None),
            settings=Settings(_env_file=None),
            send=self.sender,
            now=lambda: self.now,
        )
        self.ears = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)

    def listen(self) -> None:
        self.ears.subscribe(keys.signals(ROOM))
        self.ears.get_message(timeout=1)

    def heard(self) -> list[bytes]:
        said = []
        while message := self.ears.get_message(timeout=0.1):
            said.append(message["data"])
        return said

    def orders(self) -> int:
        return int(self.redis.xlen(keys.orders(POD)))  # type: ignore[arg-type]

    def bells(self) -> int:
        return self.broker.waiting("uploads.x")

    def left(self) -> int:
        with self.tools.engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM outbox")).scalar_one())

    def close(self) -> None:
        self.ears.close()
        self.redis.close()
        self.broker.client.close()


def leave_one_of_each(work: Work) -> None:
    work.signal(ROOM, RoomMoved(room_id=ROOM, epoch=2))
    work.order(POD, DropRoom(room_id=ROOM, epoch=1))
    work.ring(JobId(new_id()), "uploads.x")


@pytest.fixture
def post(engine: Engine, redis_url: str) -> Iterator[Post]:
    made = Post(engine, redis_url)
    made.listen()
    yield made
    made.close()


def test_what_a_unit_left_goes_out_with_its_commit(post: Post) -> None:
    with post.tools.begin() as work:
        leave_one_of_each(work)

    assert (len(post.heard()), post.orders(), post.bells()) == (1, 1, 1)
    post.sender.forget_sent()
    assert post.left() == 0


def test_what_a_killed_worker_left_is_sent_by_the_relay(post: Post) -> None:
    # Committed, and then the worker was gone before it sent anything.
    with begin(post.tools.engine, now=NOW, send=lambda left: None) as work:
        leave_one_of_each(work)
    relay(post.tools)
    assert post.orders() == 0, "its own worker still has time"

    post.now += timedelta(seconds=2)
    relay(post.tools)

    assert (len(post.heard()), post.orders(), post.bells()) == (1, 1, 1)
    post.sender.forget_sent()
    assert post.left() == 0


def test_what_was_sent_is_not_sent_again(post: Post) -> None:
    with post.tools.begin() as work:
        leave_one_of_each(work)
    post.sender.forget_sent()

    post.now += timedelta(seconds=60)
    relay(post.tools)

    assert (post.orders(), post.bells()) == (1, 1)


def test_what_nobody_could_be_sent_waits_in_the_database(
    engine: Engine, own_redis: RedisServer
) -> None:
    post = Post(engine, own_redis.url)
    own_redis.kill()

    with post.tools.begin() as work:
        leave_one_of_each(work)
    post.now += timedelta(seconds=2)
    relay(post.tools)
    post.sender.forget_sent()
    assert post.left() == 3

    own_redis.start()
    post.now += timedelta(seconds=2)
    relay(post.tools)
    post.sender.forget_sent()

    assert (post.orders(), post.bells(), post.left()) == (1, 1, 0)
    post.close()
