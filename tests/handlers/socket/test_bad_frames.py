"""What no client of ours would send."""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from handlers.socket.requests import REQUESTS
from infra.contract.views import RoomView
from tests.support.lobby import Lobby
from tests.support.wire_client import opened, until

SEEDS = [
    {"event": "chat.send", "data": {"text": "hi"}, "id": "s"},
    {
        "event": "media.publish",
        "data": {"offer": "v=0", "tracks": [{"mid": "0", "source": "camera"}]},
    },
    {"event": "media.subscribe", "data": {"offer": "v=0", "want": []}, "id": "a"},
    {"event": "media.candidate", "data": {"connection_id": "x", "candidate": "candidate:1"}},
    {"event": "room.sync", "data": {"last_seq": 3}},
    {"event": "hand.raise", "data": {}},
    {"event": "reaction.send", "data": {"reaction": "👍"}},
]
ODD: list[Any] = [
    None, True, -1, 2**63, 10**400, 1e308, "", "\0", "💥" * 50, [], {}, [[]] * 3, {"id": {"id": 1}},
    "../../etc/passwd", "' OR 1=1 --", "00000000-0000-0000-0000-000000000000", ["x"] * 2000,
]  # fmt: skip
RAW = ["NaN", "Infinity", "-0", "[", "{", '"', "\\", "\\ud800", "1e999", "]" * 40, "[" * 40, "\x00"]


def mutated(random_: random.Random) -> str | bytes:
    frame = json.loads(json.dumps(random_.choice(SEEDS)))
    for _ in range(random_.randint(0, 2)):
        place = (
            random_.choice([frame, frame["data"]]) if isinstance(frame.get("data"), dict) else frame
        )
        keys = [*place, "event", "data", "id", "extra"]
        place[random_.choice(keys)] = deepcopy(
            random_.choice([*ODD, random_.choice(list(REQUESTS))])
        )
        if not isinstance(frame, dict):
            break
    text = json.dumps(frame)
    match random_.randint(0, 5):
        case 0:
            at = random_.randrange(len(text))
            text = text[:at] + random_.choice(RAW) + text[at + random_.randint(0, 3) :]
        case 1:
            text = text[: random_.randrange(len(text))]
        case 2:
            return random_.randbytes(random_.randint(0, 200))
    return text


async def test_no_frame_ends_the_session_or_holds_it_up(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    random_ = random.Random(20_240_607)
    frames = [mutated(random_) for _ in range(2000)]
    sent, sessions, started = 0, 0, time.monotonic()
    while sent < len(frames):
        sessions += 1
        # Each session is allowed so many frames a second: more sessions, no waiting.
        batch = frames[sent : sent + 49]
        async with opened(address, ann.token) as client:
            for frame in batch:
                await client.connection.send(frame)
            answer = await client.ask("ping")
            assert answer["event"] == "pong", batch
            sent += len(batch)

    assert time.monotonic() - started < 30
    assert sessions == 41


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_frame_larger_than_any_is_cut_off(
    lobby: Lobby, address: str, room: RoomView, compressed: bool
) -> None:
    ann = await lobby.person(room, "Ann")
    compression = "deflate" if compressed else None
    async with opened(address, ann.token, compression=compression) as client:
        with suppress(ConnectionClosed):
            await client.connection.send("x" * 10_000_000)

        assert await client.closed() == 1009


async def test_every_request_answers_what_has_nothing_in_it(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as client:
        for event in REQUESTS:
            answer = await client.ask(event)
            assert answer["event"] in ("error", "ack", "pong", "chat.history"), answer

        unknown = await client.ask("no.such.thing")

    assert unknown["data"]["code"] == "MALFORMED"


async def test_many_newcomers_who_say_nothing_and_go_leave_nothing_behind(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    for _ in range(20):
        async with opened(address, ann.token) as client:
            client.connection.transport.abort()

    await until(lambda: not lobby.bus.listeners(room.id))
