from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from uuid import UUID

from handlers.dialects import names
from handlers.operations.seen import FRESH_S, Seen
from infra.bus.port import LiveState
from infra.contract.ids import RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.db.reader import Reader
from tests.support.api import Api
from tests.support.bus import LocalBus

ROOM = RoomId(new_id())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Count:
    """Answers how often it was asked."""

    asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        return self.asked


def seen(bus: LocalBus, clock: Callable[[], float]) -> Seen:
    return Seen(cast(LiveState, bus), cast(Reader, None), clock)


async def test_what_was_read_is_not_read_again_until_the_room_changes() -> None:
    bus, count = LocalBus(), Count()
    memory = seen(bus, Clock())

    first = [await memory.of(ROOM, "x", count) for _ in range(3)]
    bus.touch(ROOM)
    after = [await memory.of(ROOM, "x", count) for _ in range(3)]

    assert (first, after) == ([1, 1, 1], [2, 2, 2])


async def test_what_changes_while_it_is_read_is_read_again() -> None:
    bus = LocalBus()
    memory = seen(bus, Clock())

    async def changed_meanwhile() -> str:
        bus.touch(ROOM)
        return "old"

    async def later() -> str:
        return "new"

    await memory.of(ROOM, "x", changed_meanwhile)

    assert await memory.of(ROOM, "x", later) == "new"


async def test_nothing_is_believed_for_long() -> None:
    clock, count = Clock(), Count()
    memory = seen(LocalBus(), clock)

    await memory.of(ROOM, "x", count)
    clock.now += FRESH_S

    assert await memory.of(ROOM, "x", count) == 2


async def test_two_things_of_a_room_are_two_things() -> None:
    count = Count()
    memory = seen(LocalBus(), Clock())

    assert [await memory.of(ROOM, what, count) for what in ("x", "y")] == [1, 2]


async def test_without_redis_everything_is_read() -> None:
    count = Count()

    class Away(LocalBus):
        async def stamp(self, room: RoomId) -> str:
            raise refuse(Reason.UNAVAILABLE)

    memory = seen(Away(), Clock())

    assert [await memory.of(ROOM, "x", count) for _ in range(2)] == [1, 2]


async def test_what_a_request_changed_is_seen_by_the_next(api: Api) -> None:
    room = await api.room("Algebra")
    seat = await api.seat(room)
    assert (await api.got(f"/rooms/{room}"))["name"] == "Algebra"

    await api.call("PATCH", f"/rooms/{room}", {"name": "Botany"})
    renamed = (await api.got(f"/rooms/{room}"))["name"]
    await api.call("POST", f"/rooms/{room}/end")

    assert renamed == "Botany"
    assert (await api.got(f"/rooms/{room}"))["status"] == "ended"
    assert seat["participant"]["room_id"] == room


async def test_who_wants_the_same_at_once_waits_for_one_answer() -> None:
    memory, count = seen(LocalBus(), Clock()), Count()
    go = asyncio.Event()

    async def slowly() -> int:
        await go.wait()
        return await count()

    asking = [asyncio.create_task(memory.of(ROOM, "x", slowly)) for _ in range(5)]
    await asyncio.sleep(0.01)
    asking[0].cancel()
    go.set()

    assert await asyncio.gather(*asking[1:]) == [1] * 4
    assert count.asked == 1


async def test_whoever_is_seated_by_the_rooms_name_belongs_to_it_at_once(api: Api) -> None:
    room = names.shown("meeting", UUID(await api.room("algebra")))
    pair = await api.made("/auth/token", {"api_key": api.key, "user_id": "bob"}, key="")

    async def status() -> int:
        answer = await api.call("GET", f"/api/meeting/{room}", token=pair["access_token"])
        return answer.status_code

    assert await status() == 403
    bob = {"display_name": "Bob", "external_user_id": "bob"}
    await api.made("/rooms/algebra/participants", bob)

    assert await status() == 200
