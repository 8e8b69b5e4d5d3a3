"""WHIP and WHEP as their documents have them, and as a load generator uses them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from infra.contract.commands import UpdateRoom
from infra.contract.ids import ConnectionId, ParticipantId, new_id
from infra.contract.live import (
    AddCandidate,
    CloseConnection,
    Publish,
    Published,
    Subscribe,
    Subscribed,
)
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from tests.support.api import Api
from tests.support.api import api as open_api

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
OFFER = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
CANDIDATES = (
    "a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n"
)


@pytest.fixture
def pod(api: Api) -> Api:
    """A pod that negotiates anything, and lets a seat publish once."""
    bus = api.bus
    publishing: dict[ParticipantId, ConnectionId] = {}
    bus.pod()

    def publish(order: Publish) -> Published:
        holder = publishing.setdefault(order.participant_id, order.connection_id)
        if holder != order.connection_id:
            raise refuse(Reason.ALREADY_PUBLISHING)
        return Published(answer="v=0 answer\r\n", tracks=())

    def close(order: CloseConnection) -> Done:
        publishing.pop(order.participant_id, None)
        return Done()

    bus.answer(Publish, publish)
    bus.answer(Subscribe, lambda _: Subscribed(answer="v=0 answer\r\n", slots=()))
    bus.answer(AddCandidate, lambda _: Done())
    bus.answer(CloseConnection, close)
    return api


async def send(
    api: Api,
    method: str,
    url: str,
    content: str | bytes = OFFER,
    kind: str | None = SDP,
    key: str | None = None,
    **headers: str,
) -> httpx2.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if kind is not None:
        sent["Content-Type"] = kind
    if key != "":
        sent["Authorization"] = f"Bearer {key or api.key}"
    return await api.http.request(method, url, content=content, headers=sent)


async def present(api: Api, room: str) -> dict[str, str]:
    """Names of who is in the room, and their ids."""
    shown = await api.got(f"/rooms/{room}/participants?active=true")
    return {seat["external_user_id"]: seat["id"] for seat in shown["participants"]}


@pytest.mark.parametrize("base", ["", "/api/v1"])
async def test_a_session_is_created_found_by_its_url_and_ended(pod: Api, base: str) -> None:
    room = await pod.room()

    created = await send(pod, "POST", f"{base}/whip/{room}?id=ann")
    there = await present(pod, room)
    ended = await send(pod, "DELETE", created.headers["location"])
    after = await present(pod, room)
    again = await send(pod, "DELETE", created.headers["location"])

    assert created.status_code == 201
    assert created.headers["content-type"] == SDP
    assert created.text == "v=0 answer\r\n"
    assert created.headers["location"].startswith(f"{base}/whip/{room}/sessions/")
    assert created.headers["etag"].startswith('"')
    assert list(there) == ["ann"]
    assert (ended.status_code, again.status_code) == (200, 404)
    assert after == {}
    assert len(pod.bus.orders(CloseConnection)) == 1


async def test_publishing_and_watching_under_one_id_share_one_seat(pod: Api) -> None:
    room = await pod.room()

    first = await send(pod, "POST", f"/whip/{room}?id=ann")
    watching = await send(pod, "POST", f"/whep/{room}?id=ann")
    second = await send(pod, "POST", f"/whip/{room}?id=ann")
    await send(pod, "DELETE", first.headers["location"])
    still = await present(pod, room)
    freed = await send(pod, "POST", f"/whip/{room}?id=ann")

    assert [r.status_code for r in (first, watching, second, freed)] == [201, 201, 409, 201]
    assert second.json()["code"] == "ALREADY_PUBLISHING"
    assert list(still) == ["ann"]
    assert len({order.participant_id for order in pod.bus.orders(Publish)}) == 1
    assert [str(order.participant_id) for order in pod.bus.orders(Subscribe)] == [still["ann"]]


async def test_feeds_are_names_in_the_order_of_the_offer(pod: Api) -> None:
    room = await pod.room()
    for name in ("p0", "p1"):
        await send(pod, "POST", f"/whip/{room}?id={name}")
    there = await present(pod, room)

    chosen = await send(pod, "POST", f"/whep/{room}?id=s0&feeds=p1,p0")
    everybody = await send(pod, "POST", f"/whep/{room}?id=s1")
    unknown = await send(pod, "POST", f"/whep/{room}?id=s2&feeds=p0,nobody")

    feeds = [order.feeds for order in pod.bus.orders(Subscribe)]
    assert [r.status_code for r in (chosen, everybody, unknown)] == [201, 201, 404]
    assert [str(feed) for feed in feeds[0] or ()] == [there["p1"], there["p0"]]
    assert feeds[1] is None
    assert "s2" not in await present(pod, room)


async def test_what_cannot_be_negotiated_leaves_nobody_behind(pod: Api) -> None:
    room = await pod.room()

    def no(order: Publish) -> Published:
        raise refuse(Reason.BAD_DESCRIPTION, "no codec of ours")

    pod.bus.answer(Publish, no)
    refused = await send(pod, "POST", f"/whip/{room}?id=ann")

    assert (refused.status_code, refused.json()["error"]) == (400, "no codec of ours")
    assert await present(pod, room) == {}


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (401, {"key": ""}),
        (401, {"key": "chalk_live_nonsense"}),
        (401, {"key": "a.b.c"}),
        (415, {"kind": "application/json"}),
        (415, {"kind": None}),
        (413, {"content": "a=" + "x" * 65_536}),
        (400, {"content": ""}),
        (400, {"content": b"\xff\xfe"}),
        (400, {"query": ""}),
        (400, {"query": "?id="}),
        (400, {"query": "?id=" + "x" * 201}),
        (400, {"query": "?id=%00"}),
        (404, {"room": "00000000-0000-4000-8000-000000000000"}),
        (404, {"room": "no-such-room"}),
        (405, {"method": "GET"}),
        (405, {"method": "PUT"}),
    ],
)
@pytest.mark.parametrize("kind_of_session", ["whip", "whep"])
async def test_a_bad_request_is_told_what_is_wrong(
    pod: Api, kind_of_session: str, status: int, change: dict[str, Any]
) -> None:
    change = dict(change)
    room = change.pop("room", None) or await pod.room()
    query = change.pop("query", "?id=ann")
    method = change.pop("method", "POST")

    answer = await send(pod, method, f"/{kind_of_session}/{room}{query}", **change)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert not pod.bus.ordered


async def test_another_tenant_sees_nothing(pod: Api) -> None:
    room = await pod.room()
    session = (await send(pod, "POST", f"/whip/{room}?id=ann")).headers["location"]
    _, foreign = await pod.tenant()
    unknown = f"/whip/{new_id()}/sessions/{new_id()}"

    answers = [
        await send(pod, "POST", f"/whip/{room}?id=eve", key=foreign),
        await send(pod, "DELETE", session, key=foreign),
        await send(pod, "DELETE", unknown, key=foreign),
        await send(pod, "PATCH", session, CANDIDATES, FRAGMENT, key=foreign, If_Match="x"),
    ]

    assert [a.status_code for a in answers] == [404] * 4
    assert answers[1].json()["error"] == answers[2].json()["error"]
    assert list(await present(pod, room)) == ["ann"]


async def test_a_participants_token_opens_their_own_seat_only(pod: Api) -> None:
    room, other_room = await pod.room(), await pod.room()
    bundle = await pod.made(
        f"/rooms/{room}/participants", {"display_name": "Ann", "external_user_id": "ann"}
    )
    token = bundle["access_token"]
    others = (await send(pod, "POST", f"/whip/{room}?id=bob")).headers["location"]

    own = await send(pod, "POST", f"/whip/{room}", key=token)
    answers = [
        await send(pod, "POST", f"/whep/{room}?id=ann", key=token),
        await send(pod, "POST", f"/whip/{room}?id=bob", key=token),
        await send(pod, "POST", f"/whip/{other_room}", key=token),
        await send(pod, "DELETE", others, key=token),
        await send(pod, "DELETE", own.headers["location"], key=token),
    ]

    assert own.status_code == 201
    assert [a.status_code for a in answers] == [201, 403, 404, 404, 200]
    seats = {str(order.participant_id) for order in pod.bus.orders(Publish)}
    assert bundle["participant"]["id"] in seats


async def test_candidates_trickle_in_under_the_right_etag(pod: Api) -> None:
    room = await pod.room()
    created = await send(pod, "POST", f"/whip/{room}?id=ann")
    session, etag = created.headers["location"], created.headers["etag"]

    answers = [
        await send(pod, "PATCH", session, CANDIDATES, FRAGMENT, If_Match=etag),
        await send(pod, "PATCH", session, CANDIDATES, FRAGMENT),
        await send(pod, "PATCH", session, CANDIDATES, FRAGMENT, If_Match='"other"'),
        await send(pod, "PATCH", session, CANDIDATES, FRAGMENT, If_Match="*"),
        await send(pod, "PATCH", session, CANDIDATES, SDP, If_Match=etag),
        await send(pod, "PATCH", session, "<html>", FRAGMENT, If_Match=etag),
        await send(pod, "PATCH", session, "a=candidate:1\r\n" * 51, FRAGMENT, If_Match=etag),
    ]

    assert [a.status_code for a in answers] == [204, 428, 412, 422, 415, 400, 400]
    assert [(o.candidate, o.mid) for o in pod.bus.orders(AddCandidate)] == [
        ("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", "0"),
        (None, "0"),
    ]


async def test_any_page_may_ask_what_is_possible(pod: Api) -> None:
    room = await pod.room()
    created = await send(pod, "POST", f"/whip/{room}?id=ann")

    asked = [
        await send(pod, "OPTIONS", url, "", None, key="")
        for url in (f"/whip/{room}", created.headers["location"])
    ]

    for answer in asked:
        assert answer.status_code == 204
        assert answer.headers["accept-post"] == SDP
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert "Location" in created.headers["access-control-expose-headers"]


async def test_a_configured_turn_server_is_linked_with_credentials(
    tmp_path: Any, sqlite_url: str
) -> None:
    turn = {"turn_url": "turn:turn.example:3478", "turn_secret": "s3cret"}
    async with open_api(tmp_path / "home", sqlite_url, **turn) as api:
        api.bus.pod()
        api.bus.answer(Publish, lambda _: Published(answer="v=0", tracks=()))
        created = await send(api, "POST", f"/whip/{await api.room()}?id=ann")

    link = created.headers["link"]
    assert link.startswith('<turn:turn.example:3478>; rel="ice-server"; username="')
    assert 'credential-type="password"' in link
    assert "s3cret" not in link


async def test_without_a_pod_the_client_is_asked_to_come_again(api: Api) -> None:
    room = await api.room()

    answer = await send(api, "POST", f"/whip/{room}?id=ann")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert await present(api, room) == {}


async def test_a_full_room_takes_no_more(pod: Api) -> None:
    room = (await pod.made("/rooms", {"config": {"max_participants": 2}}))["id"]

    statuses = [(await send(pod, "POST", f"/whip/{room}?id={name}")).status_code for name in "abc"]

    assert statuses == [201, 201, 409]


async def test_what_the_room_does_without_is_not_published_and_leaves_nobody_there(
    pod: Api,
) -> None:
    room = await pod.room()
    await pod.bus.ask(
        UpdateRoom.model_validate(
            {"tenant_id": pod.tenant_id, "room_id": room, "config": {"audio_enabled": False}}
        )
    )

    refused = await send(pod, "POST", f"/whip/{room}?id=ann")

    assert (refused.status_code, refused.json()["code"]) == (403, "FEATURE_DISABLED")
    assert pod.bus.orders(Publish) == []
    assert await present(pod, room) == {}
