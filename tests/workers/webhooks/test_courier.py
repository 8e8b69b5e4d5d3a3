from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from infra.bus import keys
from infra.contract.commands import DeliveryState, EndpointView
from tests.support.receivers import Heard, receiving
from tests.workers.webhooks.conftest import Post
from workers.webhooks.courier import AT_ONCE, Courier


@contextmanager
def working(post: Post, *, look_s: float = 30.0) -> Iterator[Courier]:
    """A courier that, but for knocks, looks too seldom for these tests. It listens already."""
    made = Courier(post.tools, post.secrets, look_s=look_s)
    made.start()
    try:
        if look_s > 1:
            until(lambda: knock(post.house.redis) > 0)
        yield made
    finally:
        made.stop()


def knock(client: redis.Redis) -> int:
    """How many heard it."""
    return int(client.publish(keys.knocks(keys.WEBHOOKS), ""))


def until(true: Callable[[], object], within_s: float = 10.0) -> float:
    """Seconds until it was."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - began


def is_over(post: Post, endpoint: EndpointView) -> Callable[[], bool]:
    return lambda: all(
        delivery.state is not DeliveryState.PENDING for delivery in post.log(endpoint)
    )


def test_a_knock_has_it_sent_at_once(post: Post) -> None:
    endpoint = post.endpoint()
    with working(post):
        post.house.come(post.room)

        knock(post.house.redis)

        assert until(lambda: post.receiver.heard) < 1.0
        until(is_over(post, endpoint))


def test_what_nobody_knocked_for_is_found_all_the_same(post: Post) -> None:
    post.endpoint()
    with working(post, look_s=0.05):
        post.house.come(post.room)

        until(lambda: post.receiver.heard)


def test_one_room_is_told_of_in_order_and_many_at_once(post: Post) -> None:
    endpoint = post.endpoint("participant.joined")
    rooms = [post.house.room(post.tenant) for _ in range(4)]
    for _ in range(5):
        for room in rooms:
            post.house.come(room)
    with working(post):
        until(is_over(post, endpoint))

    told = post.heard()
    assert len(told) == 20
    for room in rooms:
        seqs = [one["data"]["seq"] for one in told if one["meeting"]["id"] == str(room.id)]
        assert seqs == sorted(seqs)


def test_a_slow_endpoint_keeps_nobody_else_waiting(post: Post) -> None:
    go_on = threading.Event()

    def dawdle(heard: Heard) -> int:
        go_on.wait(10)
        return 204

    post.receiver.answer = dawdle
    slow = post.endpoint("participant.joined")
    for _ in range(20):
        post.house.come(post.house.room(post.tenant))
    with receiving() as quick, working(post):
        until(lambda: post.receiver.heard)
        prompt = post.endpoint("participant.joined", url=quick.url)
        post.house.come(post.room)
        knock(post.house.redis)

        waited_s = until(lambda: quick.heard)
        go_on.set()
        until(is_over(post, prompt))
        until(is_over(post, slow))

    assert waited_s < 1.0
    assert len(post.receiver.heard) == 21 < AT_ONCE


def test_what_is_under_way_is_ended_before_it_stops(post: Post) -> None:
    reached = threading.Event()

    def answer(heard: Heard) -> int:
        reached.set()
        time.sleep(0.2)
        return 204

    post.receiver.answer = answer
    endpoint = post.endpoint()
    post.house.come(post.room)

    with working(post):
        assert reached.wait(10)

    assert is_over(post, endpoint)()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = {thread.name for thread in threading.enumerate() if thread not in before}
    assert not {name for name in left if name.startswith("courier")}
