from __future__ import annotations

import asyncio

import pytest

from handlers.socket.postbox import Overflow, Postbox


class Client:
    def __init__(self) -> None:
        self.read: list[str] = []
        self.reading = asyncio.Event()

    async def send_text(self, data: str) -> None:
        await self.reading.wait()
        self.read.append(data)


async def test_frames_arrive_in_order_also_those_put_before_the_seal() -> None:
    client, postbox = Client(), Postbox()
    client.reading.set()
    running = asyncio.create_task(postbox.run(client))
    postbox.put("a")
    await asyncio.sleep(0)
    postbox.put("b")
    postbox.put("c")

    postbox.seal()
    postbox.put("too late")
    await running

    assert client.read == ["a", "b", "c"]


async def test_a_client_that_does_not_read_costs_no_more_than_the_limit() -> None:
    client, postbox = Client(), Postbox(limit=100)
    running = asyncio.create_task(postbox.run(client))
    for _ in range(10):
        postbox.put("x" * 10)
        await asyncio.sleep(0)

    with pytest.raises(Overflow):
        postbox.put("x")

    running.cancel()


async def test_what_was_read_makes_room_again() -> None:
    client, postbox = Client(), Postbox(limit=10)
    client.reading.set()
    running = asyncio.create_task(postbox.run(client))

    for _ in range(100):
        postbox.put("x" * 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert len(client.read) == 100
    running.cancel()
