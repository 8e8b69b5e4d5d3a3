from __future__ import annotations

from uuid import UUID

import pytest

from infra.contract.commands import Invitee, InviteParticipants
from infra.contract.ids import ParticipantId, TenantId, new_id
from infra.signing import seat_code
from tests.support.api import Api


async def test_an_invite_gives_whoever_has_it_a_seat(api: Api) -> None:
    room = await api.room("Algebra")
    invite = await api.made(f"/rooms/{room}/join-token")

    seats = [
        await api.made(
            "/join-token/exchange", {"invite": invite["invite"], "display_name": name}, key=""
        )
        for name in ("Ann", "Bob")
    ]

    assert invite["url"].endswith(f"/#/r/{room}?invite={invite['invite']}")
    assert [seat["participant"]["display_name"] for seat in seats] == ["Ann", "Bob"]
    assert {seat["participant"]["role"] for seat in seats} == {"participant"}
    assert {seat["room"]["id"] for seat in seats} == {room}
    assert len({seat["participant"]["id"] for seat in seats}) == 2
    own = await api.got(f"/rooms/{room}", token=seats[0]["access_token"])
    assert own["name"] == "Algebra"


async def test_a_hosts_invite_makes_hosts(api: Api) -> None:
    room = await api.room()
    invite = await api.made(f"/rooms/{room}/join-token", {"role": "host"})

    seat = await api.made(
        "/join-token/exchange", {"invite": invite["invite"], "display_name": "Ann"}, key=""
    )

    assert seat["participant"]["role"] == "host"


async def test_only_hosts_invite(api: Api) -> None:
    room = await api.room()
    guest, host = await api.seat(room, "Bob"), await api.seat(room, "Ann", "host")

    path = f"/rooms/{room}/join-token"
    answers = [
        await api.call("POST", path, {}, token=guest["access_token"]),
        await api.call("POST", path, {}, key=""),
        await api.call("POST", path, {}, token=host["access_token"]),
        await api.call("POST", path, {}, key=(await api.tenant())[1]),
    ]

    assert [a.status_code for a in answers] == [403, 401, 201, 404]


async def test_an_invite_opens_nothing_by_itself(api: Api) -> None:
    room = await api.room()
    invite = (await api.made(f"/rooms/{room}/join-token", {"role": "host"}))["invite"]

    refreshed = await api.call("POST", "/auth/refresh", {"refresh_token": invite}, key="")

    assert (await api.call("GET", f"/rooms/{room}", token=invite)).status_code == 401
    assert refreshed.status_code == 401


@pytest.mark.parametrize("other", ["access_token", "refresh_token"])
async def test_no_other_token_is_an_invite(api: Api, other: str) -> None:
    room = await api.room()
    token = (await api.seat(room))[other]

    answer = await api.call(
        "POST", "/join-token/exchange", {"invite": token, "display_name": "Eve"}, key=""
    )

    assert answer.status_code == 401


async def test_an_invite_to_a_room_that_has_ended_does_not_open_it_again(api: Api) -> None:
    room = await api.room()
    invite = (await api.made(f"/rooms/{room}/join-token"))["invite"]
    await api.made(f"/rooms/{room}/end")

    answer = await api.call(
        "POST", "/join-token/exchange", {"invite": invite, "display_name": "Ann"}, key=""
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "room is not active")
    assert (await api.got(f"/rooms/{room}"))["status"] == "ended"


async def test_a_letters_link_opens_the_seat_it_names_as_long_as_that_is_kept(api: Api) -> None:
    room = await api.lobby.room(TenantId(UUID(api.tenant_id)))
    seat = ParticipantId(new_id())
    await api.bus.ask(
        InviteParticipants(
            tenant_id=room.tenant_id,
            room_id=room.id,
            invitees=(Invitee(participant_id=seat, email="ann@school.example"),),
        )
    )
    code = seat_code(
        api.lobby.context.secrets.signing_key,
        tenant_id=room.tenant_id,
        room_id=room.id,
        seat_id=seat,
        issuer=api.lobby.settings.issuer,
        jti=new_id(),
        issued_at=api.lobby.context.now(),
    )
    body = {"invite": code, "display_name": "Ann"}

    taken = [await api.made("/join-token/exchange", body, key="") for _ in range(2)]
    await api.call("DELETE", f"/rooms/{room.id}/participants/{seat}")
    refused = await api.call("POST", "/join-token/exchange", body, key="")

    assert [each["participant"]["id"] for each in taken] == [str(seat)] * 2
    assert refused.status_code == 401
