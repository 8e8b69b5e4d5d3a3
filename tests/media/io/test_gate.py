"""Who may negotiate, who waits and who is sent away."""

from __future__ import annotations

import asyncio

import pytest

from infra.contract.refusals import Reason, Refused
from media.io.gate import HELD_S, PLACES, QUEUE, Gate


async def fill(gate: Gate) -> list[asyncio.Task[object]]:
    """Take every place and every seat in the queue."""
    waiting: list[asyncio.Task[object]] = []
    for _ in range(PLACES):
        await gate.enter()
    for _ in range(QUEUE):
        waiting.append(asyncio.create_task(gate.enter()))
    await asyncio.sleep(0)
    return waiting


async def end(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_more_than_the_queue_holds_are_told_when_to_come_back() -> None:
    gate = Gate()
    waiting = await fill(gate)

    with pytest.raises(Refused) as no:
        await gate.enter()

    assert no.value.refusal.reason is Reason.POD_BUSY
    assert 1 <= (no.value.refusal.retry_after_s or 0) <= 5
    await end(waiting)


async def test_who_waited_longest_comes_next() -> None:
    gate = Gate()
    places = [await gate.enter() for _ in range(PLACES)]
    first = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    second = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)

    places[0].leave()
    await asyncio.sleep(0.01)

    assert (first.done(), second.done()) == (True, False)
    await end([second])


async def test_leaving_twice_frees_one_place() -> None:
    gate = Gate()
    places = [await gate.enter() for _ in range(PLACES)]

    places[0].leave()
    places[0].leave()

    await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    assert gate.waiting == 1
    await end([waiting])


async def test_a_place_is_free_again_when_its_client_never_comes() -> None:
    gate = Gate()
    for _ in range(PLACES):
        await gate.enter()

    async with asyncio.timeout(HELD_S + 0.4):
        await gate.enter()


async def test_one_who_gives_up_waiting_loses_nobody_elses_place() -> None:
    gate = Gate()
    places = [await gate.enter() for _ in range(PLACES)]
    impatient = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)

    # The place is handed over in the same breath as its taker gives up.
    places[0].leave()
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)

    async with asyncio.timeout(0.1):
        await gate.enter()
