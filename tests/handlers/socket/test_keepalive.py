from __future__ import annotations

import asyncio

from infra.contract.commands import LeaveRoom
from infra.contract.views import RoomView
from tests.support.lobby import Lobby
from tests.support.wire_client import opened, until


async def test_a_client_that_answers_no_ping_has_left(lobby: Lobby, room: RoomView) -> None:
    ann = await lobby.person(room, "Ann")
    async with lobby.served(ping_s=0.05, pong_s=0.1) as address, opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")

        anns.connection.transport.pause_reading()

        await until(lambda: lobby.bus.told)
        anns.connection.transport.abort()
    [left] = lobby.bus.told
    assert isinstance(left, LeaveRoom)
    assert left.participant_id == ann.participant_id


async def test_a_client_that_answers_stays(lobby: Lobby, room: RoomView) -> None:
    ann = await lobby.person(room, "Ann")
    async with lobby.served(ping_s=0.02, pong_s=0.1) as address, opened(address, ann.token) as anns:
        for _ in range(5):
            await anns.connection.ping()
            assert (await anns.ask("ping"))["event"] == "pong"
            await asyncio.sleep(0.05)

        assert lobby.bus.listeners(room.id) == 1
