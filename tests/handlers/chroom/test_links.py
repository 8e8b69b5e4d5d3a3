from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers.dialects import names
from infra.contract.ids import new_id
from tests.handlers.chroom.conftest import MEETING, Chroom


def code(link: str) -> str:
    return parse_qs(urlsplit(link).query)["code"][0]


def local(link: str) -> str:
    """The link as it is asked of this server."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("link", ["start_url", "join_url"])
async def test_a_link_leads_a_browser_to_the_page(chroom: Chroom, link: str) -> None:
    made = await chroom.meeting()
    room = names.read(made["meeting_id"])

    browser = await chroom.api.http.get(local(made[link]))
    program = await chroom.api.http.get(local(made[link]), headers={"Accept": "application/json"})

    page = f"/#/r/{room}?invite={code(made[link])}"
    assert browser.status_code == 302
    assert browser.headers["location"].endswith(page)
    assert browser.headers["cache-control"] == "no-store"
    assert program.json()["page_url"] == browser.headers["location"]
    assert program.json()["meeting_id"] == made["meeting_id"]


async def test_whoever_opens_the_start_link_is_the_host_and_the_meeting_begins(
    chroom: Chroom,
) -> None:
    made = await chroom.meeting()

    answer = await chroom.exchange(code(made["start_url"]), "Ada")

    seat = answer.json()
    assert answer.status_code == 201, answer.text
    assert (seat["participant"]["role"], seat["participant"]["external_user_id"]) == ("host", "ada")
    assert seat["participant"]["display_name"] == "Ada"
    assert (await chroom.got(f"/meetings/{made['meeting_id']}"))["status"] == "live"


async def test_a_start_link_opens_once(chroom: Chroom) -> None:
    start = code((await chroom.meeting())["start_url"])
    first = await chroom.exchange(start, "Ada")

    again = await chroom.exchange(start, "Ada")
    other_key = await chroom.exchange(start, "Ada", Idempotency_Key="another")

    assert first.status_code == 201
    assert [again.status_code, other_key.status_code] == [401, 401]


async def test_a_retry_of_the_host_gets_the_same_seat(chroom: Chroom) -> None:
    start = code((await chroom.meeting())["start_url"])

    first = await chroom.exchange(start, "Ada", Idempotency_Key="k")
    again = await chroom.exchange(start, "Ada", Idempotency_Key="k")
    changed = await chroom.exchange(start, "Eve", Idempotency_Key="k")

    assert (first.status_code, again.content) == (201, first.content)
    assert (changed.status_code, changed.json()["code"]) == (409, "KEY_REUSED")


async def test_a_code_that_was_refused_is_not_used_up(chroom: Chroom) -> None:
    await chroom.api.call(
        "PATCH",
        f"/tenants/{chroom.api.tenant_id}",
        {"max_concurrent_rooms": 1},
        key=chroom.api.operator,
    )
    blocking = await chroom.api.room()
    start = code((await chroom.meeting())["start_url"])
    refused = await chroom.exchange(start)
    await chroom.api.made(f"/rooms/{blocking}/end")

    answer = await chroom.exchange(start)

    assert (refused.status_code, answer.status_code) == (403, 201)


async def test_the_join_link_gives_anybody_a_seat_once_the_meeting_is_on(chroom: Chroom) -> None:
    made = await chroom.meeting()
    early = await chroom.exchange(code(made["join_url"]), "Ben")
    await chroom.exchange(code(made["start_url"]), "Ada")

    seats = [await chroom.exchange(code(made["join_url"]), name) for name in ("Ben", "Cem")]

    assert early.status_code == 400
    assert [seat.status_code for seat in seats] == [201, 201]
    assert {seat.json()["participant"]["role"] for seat in seats} == {"participant"}
    assert len({seat.json()["participant"]["id"] for seat in seats}) == 2


async def test_a_retried_creation_shows_the_same_links(chroom: Chroom) -> None:
    first, again = [
        await chroom.call("POST", "/meetings/create", MEETING, Idempotency_Key="k")
        for _ in range(2)
    ]

    assert again.content == first.content
    assert len((await chroom.got("/meetings"))["items"]) == 1


@pytest.mark.parametrize("query", ["", "?code=", "?code=abc", "?code=a.b.c%0d%0aX:1", "?code=a.b"])
@pytest.mark.parametrize("page", ["start", "join"])
async def test_the_bare_id_lets_nobody_in(chroom: Chroom, page: str, query: str) -> None:
    made = await chroom.meeting()

    answer = await chroom.api.http.get(f"/{page}/{made['meeting_id']}{query}")

    assert (answer.status_code, answer.json()["error"]) == (401, "BAD_CREDENTIALS")
    assert "location" not in answer.headers


async def test_a_link_says_nothing_of_which_meetings_there_are(chroom: Chroom) -> None:
    made = await chroom.meeting()
    nowhere = names.shown("meeting", new_id())

    answers: list[Any] = [
        await chroom.api.http.get(f"/join/{meeting}?code=a.b.c")
        for meeting in (made["meeting_id"], nowhere)
    ]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert (await chroom.api.http.get("/join/abc123?code=a.b.c")).status_code == 404


async def test_an_invite_is_no_credential_of_the_api(chroom: Chroom) -> None:
    made = await chroom.meeting()

    for link in ("start_url", "join_url"):
        answer = await chroom.call("GET", f"/meetings/{made['meeting_id']}", token=code(made[link]))
        assert answer.status_code == 401
