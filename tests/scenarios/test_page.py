"""The page in a browser: it comes back by itself, and shows afterwards what was said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import browser, microphone, received
from tests.support.stack import StackUnderTest, Tenant, running_stack

pytestmark = pytest.mark.story

SPEECH = Path("infra/demo/speech")
LINES = json.loads((SPEECH / "dialogue.json").read_text())
BACK_WITHIN_MS = 30_000
"What a loaded machine takes to start a program again; the page needs a second or two of it."


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackUnderTest]:
    # Tokens that expire in the middle of the story: the page has to refresh them.
    home = tmp_path_factory.mktemp("page") / "home"
    with running_stack(home, PARLEY_ACCESS_TOKEN_S="30") as running:
        yield running


@pytest.fixture(scope="module")
def tenant(stack: StackUnderTest) -> Tenant:
    return stack.tenant()


async def open_lobby(page: Page, tenant: Tenant, room: str, name: str, role: str) -> None:
    invite = tenant.post(f"/rooms/{room}/join-token", {"role": role})["invite"]
    await page.goto(f"{tenant.stack.url}/#/r/{room}?invite={invite}")
    await page.get_by_test_id("name-input").fill(name)


async def join(page: Page, tenant: Tenant, room: str, name: str, role: str) -> None:
    await open_lobby(page, tenant, room, name, role)
    await page.get_by_test_id("join-button").click()


async def assert_sees_more(page: Page, within_s: float = 30.0) -> None:
    """Pictures of others are decoded from now on."""
    before = (await received(page))["frames"]
    async with asyncio.timeout(within_s):
        # Connections that were given up no longer count, so the sum may fall first.
        while (await received(page))["frames"] < before + 10:
            await asyncio.sleep(0.3)
            before = min(before, (await received(page))["frames"])


async def assert_media_returns(page: Page) -> None:
    """It is said to be gone, and then is there again."""
    banner = page.get_by_test_id("banner")
    await expect(banner).to_contain_text("interrupted", timeout=BACK_WITHIN_MS)
    await assert_sees_more(page)
    await expect(banner).to_have_count(0, timeout=BACK_WITHIN_MS)
    await expect(page.get_by_test_id("tile")).to_have_count(2)


async def test_a_meeting_comes_back_by_itself_whatever_is_killed(
    stack: StackUnderTest, tenant: Tenant
) -> None:
    room = tenant.post("/rooms", {"name": "Resilience"})["id"]
    async with browser() as alice, browser() as bob:
        await join(alice, tenant, room, "Alice", "host")
        await join(bob, tenant, room, "Bob", "participant")
        for page in (alice, bob):
            await expect(page.get_by_test_id("tile")).to_have_count(2, timeout=BACK_WITHIN_MS)
            await assert_sees_more(page)

        # Reloaded, the page goes straight back in, and for the others it is the same person.
        await bob.reload()
        await expect(bob.get_by_test_id("tile")).to_have_count(2, timeout=BACK_WITHIN_MS)
        await expect(alice.get_by_test_id("tile")).to_have_count(2)
        await assert_sees_more(alice)

        # The API dies: pictures go on meanwhile, and the chat works again afterwards.
        stack.kill("api")
        for page in (alice, bob):
            await expect(page.get_by_test_id("banner")).to_contain_text("Reconnecting")
            await assert_sees_more(page, within_s=5)
        for page in (alice, bob):
            await expect(page.get_by_test_id("banner")).to_have_count(0, timeout=BACK_WITHIN_MS)
        await bob.get_by_test_id("chat-input").fill("still here?")
        await bob.get_by_test_id("chat-send").click()
        message = alice.get_by_test_id("chat-message").last
        await expect(message).to_contain_text("still here?")

        # The media pod dies: pictures come back by way of another one.
        stack.kill("media")
        await asyncio.gather(assert_media_returns(alice), assert_media_returns(bob))


async def test_whoever_turns_things_off_is_shown_so_to_the_others(tenant: Tenant) -> None:
    room = tenant.post("/rooms", {"name": "Quiet"})["id"]
    async with browser() as alice, browser() as bob:
        await join(alice, tenant, room, "Alice", "host")
        await join(bob, tenant, room, "Bob", "participant")
        bobs_tile = alice.get_by_test_id("tile").filter(has_text="Bob")
        await expect(bobs_tile.locator("video")).to_have_count(1, timeout=BACK_WITHIN_MS)

        await bob.get_by_test_id("cam-toggle").click()
        await bob.get_by_test_id("mic-toggle").click()

        await expect(bobs_tile.get_by_label("Microphone off")).to_have_count(1)
        await expect(bobs_tile.locator("video")).to_have_count(0)

        await bob.get_by_test_id("cam-toggle").click()
        await bob.get_by_test_id("mic-toggle").click()

        await expect(bobs_tile.get_by_label("Microphone off")).to_have_count(0)
        await expect(bobs_tile.locator("video.seen")).to_have_count(1)

        # A host turns off what others say; only they turn it on again.
        await alice.get_by_test_id("people-toggle").click()
        await alice.get_by_role("button", name="Mute Bob").click()

        await expect(bob.get_by_test_id("banner")).to_contain_text("host muted you")
        await expect(bob.get_by_role("button", name="Turn on microphone")).to_be_visible()

        await bob.get_by_test_id("leave-button").click()
        await expect(alice.get_by_test_id("tile")).to_have_count(1)


async def test_an_ended_meeting_can_be_read_and_played_from_any_line(
    tenant: Tenant, tmp_path: Path
) -> None:
    room = tenant.post("/rooms", {"name": "Spoken"})["id"]
    voice = microphone(SPEECH / "alice.ogg", tmp_path / "alice.wav")
    async with browser(voice) as page:
        await join(page, tenant, room, "Alice", "host")
        await page.get_by_test_id("record-toggle").click()
        await expect(page.get_by_test_id("recording-indicator")).to_be_visible()
        await asyncio.sleep(12)
        await page.get_by_test_id("end-button").click()
        await page.get_by_test_id("end-confirm").click()

        turns = page.get_by_test_id("transcript-turn")
        await expect(turns.first).to_be_visible(timeout=120_000)

        read = " ".join(await turns.all_inner_texts())
        assert "Alice" in read
        said = [line["text"] for line in LINES if line["speaker"] == "alice"]
        assert any(text in read for text in said), read
        await turns.last.locator("button").click()
        start = await turns.last.locator("time").inner_text()
        minutes, seconds = map(int, start.split(":"))
        player = page.get_by_test_id("player")
        await expect(player).to_have_js_property("error", None)
        await expect(player).to_have_js_property("paused", False)
        assert await player.evaluate("v => v.currentTime") >= minutes * 60 + seconds


async def test_a_token_in_a_link_does_not_stay_in_the_address_bar(tenant: Tenant) -> None:
    room = tenant.post("/rooms", {"name": "Tokens"})["id"]
    seat = tenant.post(f"/rooms/{room}/participants", {"display_name": "Dora"})
    async with browser() as page:
        await page.goto(f"{tenant.stack.url}/#/r/{room}?token={seat['access_token']}")
        await expect(page.get_by_test_id("name-input")).to_have_value("Dora")
        await page.get_by_test_id("name-input").fill("Dorothea")
        await page.get_by_test_id("join-button").click()

        await expect(page.get_by_test_id("tile")).to_have_count(1, timeout=BACK_WITHIN_MS)

        assert seat["access_token"] not in page.url
        await page.get_by_test_id("people-toggle").click()
        await expect(page.get_by_test_id("people-item")).to_contain_text("Dorothea")


async def test_what_cannot_be_joined_says_why(tenant: Tenant) -> None:
    room = tenant.post("/rooms", {"name": "Over"})["id"]
    async with browser() as page:
        await open_lobby(page, tenant, room, "Late", "participant")
        await asyncio.to_thread(tenant.post, f"/rooms/{room}/end")
        await page.get_by_test_id("join-button").click()

        await expect(page.get_by_role("alert")).to_have_text("The meeting has ended.")

        await page.goto(f"{tenant.stack.url}/#/r/{room}")

        await expect(page.get_by_role("alert")).to_contain_text("needs an invitation")
        await expect(page.get_by_test_id("join-button")).to_be_disabled()


async def test_the_links_of_a_chroom_meeting_open_it_the_hosts_once(tenant: Tenant) -> None:
    made = tenant.post("/api/meetings/create", {"title": "Algebra", "host": "ada"})

    async def sit_down(page: Page, link: str, name: str) -> None:
        await page.goto(made[link])
        await page.get_by_test_id("name-input").fill(name)
        await page.get_by_test_id("join-button").click()

    async with browser() as host, browser() as guest:
        await sit_down(host, "start_url", "Ada")
        await expect(host.get_by_test_id("tile")).to_have_count(1, timeout=BACK_WITHIN_MS)
        await sit_down(guest, "join_url", "Ben")
        await expect(host.get_by_test_id("tile")).to_have_count(2, timeout=BACK_WITHIN_MS)

        await host.reload()
        await expect(host.get_by_test_id("tile")).to_have_count(2, timeout=BACK_WITHIN_MS)

        async with browser() as thief:
            await sit_down(thief, "start_url", "Eve")
            await expect(thief.get_by_role("alert")).to_be_visible()
            await expect(thief.get_by_test_id("tile")).to_have_count(0)
