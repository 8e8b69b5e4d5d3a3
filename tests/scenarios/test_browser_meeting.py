"""Two browsers and one aiortc peer meet: they see, hear, chat, record, and read who said what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pytest
from playwright.async_api import Page, expect

from infra.cli.peer import DrawnCamera, Peer
from tests.support.browser import browser, microphone, received
from tests.support.stack import StackUnderTest, Tenant, running_stack, until

pytestmark = pytest.mark.story

SPEECH = Path("infra/demo/speech")
LINES = json.loads((SPEECH / "dialogue.json").read_text())
TALK_S = 30.0


@pytest.fixture(scope="module")
def disk_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackUnderTest]:
    with running_stack(tmp_path_factory.mktemp("browsers") / "home") as stack:
        yield stack


@pytest.fixture(scope="module")
def s3_stack(
    tmp_path_factory: pytest.TempPathFactory, s3_settings: dict[str, str]
) -> Iterator[StackUnderTest]:
    with running_stack(tmp_path_factory.mktemp("browsers-s3") / "home", **s3_settings) as stack:
        yield stack


async def test_what_each_says_in_a_browser_stands_under_their_name(
    disk_stack: StackUnderTest, tmp_path: Path
) -> None:
    voices = {"Alice": "alice", "Bob": "bob"}

    transcript, download = await meeting(disk_stack, voices, tmp_path)

    assert_attributed(transcript, voices)
    assert_plays_to_the_end(download)


async def test_swapped_voices_swap_the_names(s3_stack: StackUnderTest, tmp_path: Path) -> None:
    voices = {"Alice": "bob", "Bob": "alice"}

    transcript, download = await meeting(s3_stack, voices, tmp_path)

    assert_attributed(transcript, voices)
    assert_plays_to_the_end(download)


async def meeting(stack: StackUnderTest, voices: dict[str, str], scratch: Path) -> tuple[Any, Path]:
    """Hold it; returns the transcript and the downloaded recording."""
    tenant = stack.tenant()
    room = tenant.post("/rooms", {"name": "Review"})
    async with AsyncExitStack() as exits:
        pages: dict[str, Page] = {}
        for name, voice in voices.items():
            said = microphone(SPEECH / f"{voice}.ogg", scratch / f"{name}.wav")
            page = await exits.enter_async_context(browser(said))
            role = "host" if name == "Alice" else "participant"
            invite = tenant.post(f"/rooms/{room['id']}/join-token", {"role": role})["invite"]
            await page.goto(f"{stack.url}/#/r/{room['id']}?invite={invite}")
            await page.get_by_test_id("name-input").fill(name)
            pages[name] = page
        alice, bob = pages["Alice"], pages["Bob"]
        http = await exits.enter_async_context(
            httpx2.AsyncClient(base_url=stack.url, timeout=15, trust_env=False)
        )
        carol = Peer(http, tenant.key, room["id"], "carol")
        exits.push_async_callback(carol.close)

        await alice.get_by_test_id("join-button").click()
        await expect(alice.get_by_test_id("record-toggle")).to_be_visible(timeout=15_000)
        await alice.get_by_test_id("record-toggle").click()
        await bob.get_by_test_id("join-button").click()
        await carol.publish(DrawnCamera(40))
        await carol.listen(audio=2, video=2)

        for page in pages.values():
            await expect(page.get_by_test_id("tile")).to_have_count(3, timeout=20_000)
        await bob.get_by_test_id("chat-input").fill("hello <b>all</b>")
        await bob.get_by_test_id("chat-send").click()
        await expect(alice.get_by_test_id("chat-message").last).to_contain_text("hello <b>all</b>")
        await asyncio.sleep(TALK_S)

        for name, page in pages.items():
            got = await received(page)
            assert got["frames"] > 100, f"{name} saw {got}"
            assert got["energy"] > 0.001, f"{name} heard {got}"
        assert carol.frames_seen > 100
        assert carol.heard_s > 5

        await alice.get_by_test_id("record-toggle").click()
        await asyncio.to_thread(tenant.post, f"/rooms/{room['id']}/end")
    return await asyncio.to_thread(read_back, tenant, room["id"], scratch)


def read_back(tenant: Tenant, room_id: str, scratch: Path) -> tuple[Any, Path]:
    recordings = [r for r in tenant.get("/recordings")["recordings"] if r["room_id"] == room_id]
    assert len(recordings) == 1
    path = f"/recordings/{recordings[0]['id']}"

    def transcribed() -> Any:
        answer = tenant.call("GET", f"{path}/transcript")
        return (
            answer.status_code == 200 and answer.json()["status"] == "completed" and answer.json()
        )

    transcript = until(transcribed, "the transcript", 120)
    link = tenant.get(f"{path}/download")["download_url"]
    target = scratch / "recording.mp4"
    target.write_bytes(httpx2.get(link, trust_env=False).raise_for_status().content)
    return transcript, target


def assert_attributed(transcript: Any, voices: dict[str, str]) -> None:
    """What each voice says stands under the name it spoke through, and not under the other's."""
    words = {
        voice: [w for x in LINES if x["speaker"] == voice for w in x["text"].split()]
        for voice in voices.values()
    }
    for name, voice in voices.items():
        said = words[voice]
        others = {w for v, ws in words.items() if v != voice for w in ws} - set(said)
        heard = [
            word
            for turn in transcript["transcript_json"]["segments"]
            if turn["speaker"] == name
            for word in turn["text"].split()
        ]
        common = sum(min(said.count(w), heard.count(w)) for w in set(said))
        assert common >= 0.8 * len(said), (name, said, heard)
        # A microphone's speech is cut where it begins anew; a word broken there may be misheard.
        strange = [w for w in heard if w in others]
        assert len(strange) <= 1, (name, strange, heard)


def assert_plays_to_the_end(path: Path) -> None:
    """It decodes without an error, for as long as it says, with sound and moving pictures."""
    with av.open(str(path)) as container:
        promised = container.duration / av.time_base
        end = 0.0
        loudest = 0.0
        pictures = set()
        for frame in container.decode(audio=0, video=0):
            end = max(end, frame.time)
            if isinstance(frame, av.AudioFrame):
                loudest = max(loudest, float(np.abs(frame.to_ndarray()).max()))
            elif len(pictures) < 50:
                pictures.add(hash(bytes(frame.planes[0])))
    assert promised > TALK_S - 2
    assert end > promised - 0.5
    assert loudest > 0.05
    assert len(pictures) > 10
