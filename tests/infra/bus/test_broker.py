from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import dramatiq
import pytest
import redis
from dramatiq import Message, Worker

from infra.bus.broker import WakeRedisBroker, clock_skew_s, messages_url, open_redis
from tests.support.servers import RedisServer


class Shop:
    """A worker of one actor that notes what it is given."""

    def __init__(self, url: str, *, prefetch: int = 8) -> None:
        self.broker = WakeRedisBroker(url, prefetch={"q": prefetch})
        self.done: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        dramatiq.Actor(
            self._do, broker=self.broker, actor_name="do", queue_name="q", priority=0, options={}
        )
        self.worker = Worker(self.broker, queues={"q"}, worker_threads=4, worker_timeout=300)

    def _do(self, what: str) -> None:
        self.gate.wait(10)
        self.done.append(what)

    def send(self, what: str) -> None:
        self.broker.enqueue(
            Message(queue_name="q", actor_name="do", args=(what,), kwargs={}, options={})
        )

    def wait_until_done(self, count: int, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while len(self.done) < count and time.monotonic() < end:
            time.sleep(0.005)

    def close(self) -> None:
        self.gate.set()
        self.worker.stop(timeout=5000)


@pytest.fixture
def shop(redis_url: str) -> Iterator[Shop]:
    made = Shop(redis_url)
    yield made
    made.close()


def test_messages_live_in_the_next_database() -> None:
    assert messages_url("redis://h:1/0") == "redis://h:1/1"
    assert messages_url("redis://h:1") == "redis://h:1/1"
    assert messages_url("rediss://u:p@h:1/3?ssl_cert_reqs=none") == (
        "rediss://u:p@h:1/4?ssl_cert_reqs=none"
    )
    assert messages_url("redis://h:1?db=2&protocol=3") == "redis://h:1/3?protocol=3"
    assert messages_url("unix:///tmp/r.sock?db=2") == "unix:///tmp/r.sock?db=3"


def test_an_idle_worker_is_woken_at_once(shop: Shop) -> None:
    shop.worker.start()
    time.sleep(0.5)

    took = []
    for n in range(5):
        began = time.monotonic()
        shop.send(str(n))
        shop.wait_until_done(n + 1)
        took.append(time.monotonic() - began)
        time.sleep(0.05)

    # The stock broker sleeps up to a second here; polling would take about 0.15.
    assert sorted(took)[2] < 0.05


def test_every_message_is_done_once_by_several_workers(redis_url: str) -> None:
    shops = [Shop(redis_url) for _ in range(3)]
    for shop in shops:
        shop.worker.start()

    for n in range(600):
        shops[n % 3].send(str(n))
    end = time.monotonic() + 15
    while sum(len(shop.done) for shop in shops) < 600 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)

    assert sorted(what for shop in shops for what in shop.done) == sorted(map(str, range(600)))
    for shop in shops:
        shop.close()


def test_a_worker_holds_no_more_than_its_prefetch(redis_url: str) -> None:
    shop = Shop(redis_url, prefetch=1)
    shop.gate.clear()
    for n in range(3):
        shop.send(str(n))
    shop.worker.start()
    time.sleep(0.3)

    assert shop.broker.waiting("q") == 2

    shop.close()


def test_messages_of_a_lost_fetch_answer_come_back(shop: Shop) -> None:
    shop.send("lost")
    # As if the connection had broken after Redis gave the message out.
    assert len(shop.broker.fetch("q", 1, 0)) == 1

    shop.worker.start()
    shop.wait_until_done(1)

    assert shop.done == ["lost"]


def test_what_a_stopping_worker_has_not_begun_is_left_for_others(redis_url: str) -> None:
    shop = Shop(redis_url, prefetch=8)
    shop.gate.clear()
    for n in range(8):
        shop.send(str(n))
    shop.worker.start()
    time.sleep(0.3)

    threading.Timer(0.2, shop.gate.set).start()
    shop.worker.stop(timeout=5000)

    other = Shop(redis_url)
    other.worker.start()
    other.wait_until_done(8 - len(shop.done))
    assert sorted(shop.done + other.done) == sorted(map(str, range(8)))
    assert len(other.done) >= 1
    other.close()


def test_a_dead_workers_messages_are_given_to_another(redis_url: str) -> None:
    dead = Shop(redis_url)
    dead.send("orphan")
    dead.broker.fetch("q", 1, 0)
    # It fell silent longer ago than the heartbeat timeout.
    dead.broker.client.zadd(f"{dead.broker.namespace}:__heartbeats__", {dead.broker.broker_id: 1})

    heir = Shop(redis_url)
    heir.worker.start()
    heir.wait_until_done(1)

    assert heir.done == ["orphan"]
    heir.close()


def test_a_busy_worker_still_says_that_it_lives(shop: Shop) -> None:
    beats = f"{shop.broker.namespace}:__heartbeats__"
    shop.broker.client.zadd(beats, {shop.broker.broker_id: 1})

    shop.broker.beat()

    score = shop.broker.client.zscore(beats, shop.broker.broker_id)
    assert abs(float(score or 0) / 1000 - time.time()) < 5  # type: ignore[arg-type]


def test_workers_go_on_when_redis_comes_back_empty(own_redis: RedisServer) -> None:
    shop = Shop(own_redis.url)
    shop.worker.start()
    shop.send("before")
    shop.wait_until_done(1)

    own_redis.kill()
    own_redis.start()
    sent = time.monotonic()
    while time.monotonic() < sent + 10:
        try:
            shop.send("after")
            break
        except redis.RedisError:
            time.sleep(0.05)
    shop.wait_until_done(2, seconds=10)

    assert shop.done == ["before", "after"]
    shop.close()


def test_clocks_are_compared_with_redis(redis_url: str) -> None:
    with open_redis(redis_url) as client:
        assert abs(clock_skew_s(client)) < 0.5
