from __future__ import annotations

from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from infra.contract.commands import RemoveParticipant
from infra.contract.ids import new_id
from infra.contract.views import RoomView
from tests.support.lobby import Lobby
from tests.support.wire_client import opened


async def refused(address: str, path: str = "/api/v1/ws", **options: Any) -> tuple[int, str]:
    """Status and error of an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"ws://{address}{path}", proxy=None, **options):
            pass
    return caught.value.response.status_code, caught.value.response.body.decode()


def offering(token: str) -> list[Subprotocol]:
    return [Subprotocol("chalk"), Subprotocol(f"token.{token}")]


async def test_a_token_may_come_in_the_query(lobby: Lobby, address: str, room: RoomView) -> None:
    ann = await lobby.person(room, "Ann")

    async with connect(f"ws://{address}/ws?token={ann.token}", proxy=None) as socket:
        assert '"connected"' in str(await socket.recv())
        assert socket.subprotocol is None


@pytest.mark.parametrize("options", [{}, {"subprotocols": offering("nonsense")}])
async def test_without_a_good_token_the_upgrade_is_401(
    address: str, options: dict[str, Any]
) -> None:
    status, body = await refused(address, **options)

    assert status == 401
    assert '"error"' in body


async def test_a_token_without_a_room_is_400(lobby: Lobby, address: str) -> None:
    tenant, key = await lobby.tenant()
    token = lobby.token(sub="u1", user_id="u1", tenant_id=tenant, role="student")

    for credential in (token, key):
        assert (await refused(address, subprotocols=offering(credential)))[0] == 400


async def test_a_token_of_a_user_opens_the_users_one_seat(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    token = lobby.token(
        sub="u1",
        user_id="u1",
        tenant_id=room.tenant_id,
        role="teacher",
        room_id=room.id,
        display_name="Ms Noether",
    )
    seats = []
    for _ in range(2):
        async with opened(address, token) as client:
            seats.append((await client.hear("room.snapshot"))["you"])

    assert seats[0]["id"] == seats[1]["id"]
    assert (seats[0]["display_name"], seats[0]["role"]) == ("Ms Noether", "host")


async def test_pages_from_elsewhere_are_403_when_the_tenant_says_where_they_are(
    lobby: Lobby, address: str
) -> None:
    tenant, _ = await lobby.tenant(allowed_origins=["https://school.example", "http://localhost:*"])
    ann = await lobby.person(await lobby.room(tenant), "Ann")

    status, body = await refused(
        address, subprotocols=offering(ann.token), origin=Origin("https://evil.example")
    )
    port, _ = await refused(
        address, subprotocols=offering(ann.token), origin=Origin("http://localhost:1.evil.example")
    )
    for origin in ("https://school.example", "http://localhost:5173", f"http://{address}"):
        async with opened(address, ann.token, origin=Origin(origin)) as client:
            await client.hear("connected")

    assert (status, port) == (403, 403)
    assert "origin not allowed" in body


async def test_a_seat_that_was_taken_away_opens_nothing(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    await lobby.bus.ask(
        RemoveParticipant(
            tenant_id=room.tenant_id, room_id=room.id, participant_id=ann.participant_id
        )
    )

    assert (await refused(address, subprotocols=offering(ann.token)))[0] == 401


async def test_a_room_that_has_ended_cannot_be_entered(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    await lobby.end(room)

    status, body = await refused(address, subprotocols=offering(ann.token))

    assert (status, "room is not active" in body) == (400, True)


async def test_when_nothing_can_be_reached_the_upgrade_is_503(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    lobby.bus.down = True

    assert (await refused(address, subprotocols=offering(ann.token)))[0] == 503


async def test_a_plain_get_hears_what_the_upgrade_would(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with httpx2.AsyncClient(base_url=f"http://{address}", trust_env=False) as http:
        answers = [
            await http.get("/api/v1/ws"),
            await http.get("/api/v1/ws", headers={"Authorization": f"Bearer {new_id()}"}),
            await http.get("/api/v1/ws", params={"token": ann.token}),
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 426]
    assert "error" in answers[0].json()
