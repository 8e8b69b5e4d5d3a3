"""Every process is killed once in the middle of a meeting; the story still ends as promised."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from infra.cli.peer import DrawnCamera, Peer, SpeechTrack
from tests.support.stack import StackUnderTest, Tenant, running_stack, until

pytestmark = pytest.mark.story

SPEECH = Path("infra/demo/speech")
LINES = json.loads((SPEECH / "dialogue.json").read_text())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackUnderTest]:
    with running_stack(tmp_path_factory.mktemp("kills") / "home") as running:
        yield running


@pytest.fixture
async def http(stack: StackUnderTest) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=15, trust_env=False) as client:
        yield client


async def test_a_meeting_survives_each_of_its_processes_being_killed(
    stack: StackUnderTest, http: httpx2.AsyncClient
) -> None:
    tenant = stack.tenant()
    room = tenant.post("/rooms", {"name": "Resilience"})["id"]
    recording = tenant.post(f"/rooms/{room}/recordings/start")["id"]
    alice, bob = Peer(http, tenant.key, room, "alice"), Peer(http, tenant.key, room, "bob")
    await alice.publish(SpeechTrack(SPEECH / "alice.ogg"), DrawnCamera(90))
    await bob.listen(audio=1, video=1)
    await asyncio.sleep(4)

    # A handler dies: media does not notice, and a client that retries gets one room.
    stack.kill("api")
    seen = bob.frames_seen
    made = await asyncio.to_thread(tenant.persist, "/rooms", {"name": "During"}, "during-1")
    again = await asyncio.to_thread(tenant.persist, "/rooms", {"name": "During"}, "during-1")
    assert made["id"] == again["id"]
    assert bob.frames_seen > seen

    # The rooms' worker dies: what it was asked is answered by its successor.
    stack.kill("worker-commands")
    other = await asyncio.to_thread(tenant.persist, "/rooms", {"name": "After"}, "after-1")
    assert other["name"] == "After"
    assert names(tenant).count("During") == 1
    assert names(tenant).count("After") == 1

    # The pod dies while recording: the room is placed again under the next epoch.
    before = epoch(stack, room)
    await asyncio.sleep(3)
    gone = stack.kill("media")
    await asyncio.to_thread(until, lambda: gone not in pod_pids(stack) and pod_pids(stack), "a pod")
    await alice.abandon()
    await bob.abandon()
    alice, bob = Peer(http, tenant.key, room, "alice"), Peer(http, tenant.key, room, "bob")
    speech = SpeechTrack(SPEECH / "alice.ogg")
    await rejoin(lambda: alice.publish(speech, DrawnCamera(90)))
    await rejoin(lambda: bob.listen(audio=1, video=1))
    await asyncio.sleep(speech.duration_s + 0.5)
    assert epoch(stack, room) > before
    assert bob.frames_seen > 50
    await alice.close()
    await bob.close()

    # The workers behind it die while they store and transcribe.
    await asyncio.to_thread(tenant.persist, f"/rooms/{room}/recordings/stop", {}, "stop-1")
    await asyncio.to_thread(tenant.persist, f"/rooms/{room}/end", {}, "end-1")
    stack.kill("worker-recordings")
    await asyncio.to_thread(
        until, lambda: recording_of(tenant, recording)["status"] == "ready", "the recording", 120
    )
    stack.kill("worker-transcripts")
    transcript = await asyncio.to_thread(completed, tenant, recording)

    said = [w for x in LINES if x["speaker"] == "alice" for w in x["text"].split()]
    heard = [w for t in spoken(transcript) for w in t["text"].split()]
    assert {t["speaker"] for t in spoken(transcript)} == {"alice"}
    second = [t for t in spoken(transcript) if t["start"] > 15]
    again_heard = [w for t in second for w in t["text"].split()]
    assert sum(min(said.count(w), again_heard.count(w)) for w in set(said)) >= 0.8 * len(said)
    assert len(heard) > len(again_heard), "what was said before the pod died is there too"


async def test_redis_restarted_empty_loses_no_job_and_epochs_only_grow(
    stack: StackUnderTest, http: httpx2.AsyncClient
) -> None:
    tenant = stack.tenant()
    room = tenant.post("/rooms", {"name": "Forgetful"})["id"]
    recording = tenant.post(f"/rooms/{room}/recordings/start")["id"]
    bob = Peer(http, tenant.key, room, "bob")
    speech = SpeechTrack(SPEECH / "bob.ogg")
    await bob.publish(speech)
    await asyncio.sleep(8)
    before = epoch(stack, room)

    redis.Redis.from_url(redis_url(stack)).flushall()
    stack.kill("redis")

    await asyncio.sleep(speech.duration_s - 7)
    await bob.close()
    await asyncio.to_thread(tenant.persist, f"/rooms/{room}/recordings/stop", {}, "stop-2")
    await asyncio.to_thread(tenant.persist, f"/rooms/{room}/end", {}, "end-2")
    transcript = await asyncio.to_thread(completed, tenant, recording)
    said = [w for x in LINES if x["speaker"] == "bob" for w in x["text"].split()]
    heard = [w for t in spoken(transcript) for w in t["text"].split()]
    assert sum(min(said.count(w), heard.count(w)) for w in set(said)) >= 0.8 * len(said)
    assert epoch(stack, room) >= before
    await asyncio.to_thread(until, lambda: stack.health()["status"] == "ok", "health", 10)


def names(tenant: Tenant) -> list[str]:
    return [room["name"] for room in tenant.get("/rooms?limit=100")["rooms"]]


def recording_of(tenant: Tenant, recording: str) -> Any:
    return tenant.get(f"/recordings/{recording}")


def spoken(transcript: Any) -> list[Any]:
    turns: list[Any] = transcript["transcript_json"]["segments"]
    return turns


def completed(tenant: Tenant, recording: str) -> Any:
    def check() -> Any:
        answer = tenant.call("GET", f"/recordings/{recording}/transcript")
        return (
            answer.status_code == 200 and answer.json()["status"] == "completed" and answer.json()
        )

    return until(check, "the transcript", 150)


def pod_pids(stack: StackUnderTest) -> list[int]:
    try:
        pids: list[int] = stack.health()["media"]["pids"]
    except httpx2.TransportError:
        return []
    return pids


def epoch(stack: StackUnderTest, room: str) -> int:
    with sqlite3.connect(f"file:{stack.home / 'parley.db'}?mode=ro", uri=True) as database:
        (found,) = database.execute(
            "SELECT epoch FROM rooms WHERE id = ?", (room.replace("-", ""),)
        ).fetchone()
    return int(found)


def redis_url(stack: StackUnderTest) -> str:
    words = Path(f"/proc/{stack.pid('redis')}/cmdline").read_bytes().decode()
    found = re.search(r"127\.0\.0\.1:(\d+)|--port\0(\d+)", words)
    assert found
    return f"redis://127.0.0.1:{found[1] or found[2]}"


async def rejoin(attempt: Any) -> None:
    """As a client does after its connection broke: again until it works, for half a minute."""
    for _ in range(60):
        try:
            await attempt()
        except (RuntimeError, httpx2.TransportError):
            await asyncio.sleep(0.5)
        else:
            return
    raise AssertionError("could not come back")
