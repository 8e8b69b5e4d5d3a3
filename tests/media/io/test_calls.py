"""Whole calls: unmodified aiortc clients and a pod."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.pods import Caller, PodUnderTest, RoomUnderTest, running_pod


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[PodUnderTest]:
    async with running_pod(tmp_path) as pod:
        yield pod


@pytest.fixture
async def room(pod: PodUnderTest) -> RoomUnderTest:
    return await pod.room()


@pytest.fixture
async def callers(room: RoomUnderTest) -> AsyncIterator[list[Caller]]:
    async with AsyncExitStack() as stack:
        made = [room.caller() for _ in range(3)]
        for caller in made:
            stack.push_async_callback(caller.close)
        yield made


async def test_what_one_sends_another_hears_and_sees(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    published = await ada.publish("microphone", "camera")

    subscribed = await bob.subscribe("audio", "video")

    audio, video = published.tracks
    await bob.slot(subscribed.slots, audio.track_id).more(20)
    await bob.slot(subscribed.slots, video.track_id).more(10)
    assert bob.slot(subscribed.slots, audio.track_id).loud > 0
