"""What a room does without, what hosts took from somebody, and who waits at its door."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from infra.contract.commands import (
    LeaveSeat,
    UpdateParticipant,
    UpdateRoom,
)
from infra.contract.ids import TrackId, new_id
from infra.contract.permissions import Permission
from infra.contract.views import RoomView, TrackView
from tests.support.lobby import Lobby, Person
from tests.support.wire_client import opened

VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=sendonly\r\n"


def of(room: RoomView) -> dict[str, Any]:
    return {"tenant_id": room.tenant_id, "room_id": room.id}


async def configure(lobby: Lobby, room: RoomView, **config: Any) -> None:
    await lobby.bus.ask(UpdateRoom(**of(room), config=config))


async def refused(client: Any, event: str, data: dict[str, Any]) -> tuple[str, str]:
    answer = await client.ask(event, data)
    assert answer["event"] == "error"
    return answer["data"]["code"], answer["data"]["message"]


async def test_what_the_room_does_without_is_refused_from_the_moment_it_does(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    host = await lobby.person(room, "Tess", "host")
    async with opened(address, host.token) as client:
        assert (await client.ask("hand.raise", {}))["event"] == "ack"

        await configure(
            lobby,
            room,
            hand_raise_enabled=False,
            chat_enabled=False,
            video_enabled=False,
            screen_sharing_enabled=False,
        )
        await client.hear("room.updated")

        assert (await refused(client, "hand.raise", {}))[0] == "FEATURE_DISABLED"
        assert (await refused(client, "chat.send", {"text": "hello"}))[0] == "CHAT_DISABLED"
        offer = {"offer": VIDEO}
        assert (await refused(client, "media.publish", offer))[0] == "FEATURE_DISABLED"
        screen = {**offer, "tracks": [{"mid": "0", "source": "screen"}]}
        assert (await refused(client, "media.publish", screen))[0] == "FEATURE_DISABLED"


async def test_what_a_host_grants_and_takes_holds_at_once(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    screen = {"offer": VIDEO, "tracks": [{"mid": "0", "source": "screen"}]}
    async with opened(address, ann.token) as client:
        assert (await refused(client, "media.publish", screen))[0] == "NOT_ALLOWED"
        assert (await refused(client, "recording.start", {}))[0] == "HOST_ONLY"

        await lobby.bus.ask(
            UpdateParticipant(
                **of(room),
                participant_id=ann.participant_id,
                granted={
                    Permission.CHAT: False,
                    Permission.RECORD: True,
                    Permission.SHARE_SCREEN: True,
                },
            )
        )
        await client.hear("participant.updated")

        assert (await refused(client, "chat.send", {"text": "hello"}))[0] == "NOT_ALLOWED"
        # No pod is there to ask: that is as far as permissions go.
        assert (await refused(client, "media.publish", screen))[0] == "NO_MEDIA_POD"
        assert (await client.ask("recording.start", {}))["event"] == "recording.accepted"


async def test_a_screen_that_was_taken_is_not_unmuted_by_its_owner(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    track = TrackView(
        track_id=TrackId(new_id()),
        participant_id=ann.participant_id,
        kind="video",
        source="screen",
        muted=True,
    )
    lobby.bus.published[room.id] = (track,)
    async with opened(address, ann.token) as client:
        unmute = {"track_id": str(track.track_id), "muted": False}

        assert (await refused(client, "media.mute", unmute))[0] == "NOT_ALLOWED"


async def test_private_words_reach_two_people(lobby: Lobby, address: str, room: RoomView) -> None:
    ann, bob, host = [
        await lobby.person(room, name, role)  # type: ignore[arg-type]
        for name, role in (("Ann", "attendee"), ("Bob", "attendee"), ("Tess", "host"))
    ]
    async with (
        opened(address, ann.token) as anns,
        opened(address, bob.token) as bobs,
        opened(address, host.token) as hosts,
    ):
        private = {"text": "secret", "to": "private", "recipient_id": str(bob.participant_id)}
        assert (await anns.ask("chat.send", private))["event"] == "chat.sent"
        await anns.ask("chat.send", {"text": "for hosts", "to": "host"})
        await anns.ask("chat.send", {"text": "for all"})

        heard = {}
        for name, client in (("ann", anns), ("bob", bobs), ("host", hosts)):
            texts = []
            while not texts or texts[-1] != "for all":
                texts.append((await client.hear("chat.message"))["message"]["text"])
            heard[name] = texts
            history = await client.ask("chat.history", {})
            assert [each["text"] for each in history["data"]["messages"]] == texts
        synced = await hosts.ask("room.sync", {"last_seq": 0})

    assert heard == {
        "ann": ["secret", "for hosts", "for all"],
        "bob": ["secret", "for all"],
        "host": ["for hosts", "for all"],
    }
    assert synced["event"] == "room.synced"


async def test_who_waits_is_let_in_by_a_host(lobby: Lobby, address: str, room: RoomView) -> None:
    await configure(lobby, room, waiting_room_enabled=True)
    host = await lobby.person(room, "Tess", "host")
    async with opened(address, host.token) as hosts:
        await hosts.hear("room.snapshot")
        ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
        assert (await hosts.hear("participant.waiting"))["participant"]["display_name"] == "Ann"
        assert await knocks(address, ann) == 403

        listed = (await hosts.ask("waiting.list", {}))["data"]["participants"]
        assert [each["display_name"] for each in listed] == ["Ann", "Bob"]
        assert listed[0]["asked_at"]

        nobody = await refused(hosts, "admission.decide", {"admit": True})
        assert nobody[0] == "MALFORMED"
        one = {"admit": False, "participant_ids": [str(bob.participant_id)], "reason": "later"}
        assert (await hosts.ask("admission.decide", one))["event"] == "ack"
        assert (await hosts.hear("participant.denied"))["reason"] == "later"
        await hosts.ask("admission.decide", {"admit": True, "all": True})

        assert await knocks(address, bob) == 403
        async with opened(address, ann.token) as anns:
            await anns.hear("room.snapshot")
            assert (await refused(anns, "waiting.list", {}))[0] == "HOST_ONLY"
            decide = {"admit": True, "all": True}
            assert (await refused(anns, "admission.decide", decide))[0] == "HOST_ONLY"


async def test_an_old_seat_waits_from_the_moment_it_knocks(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, host = await lobby.person(room, "Ann"), await lobby.person(room, "Tess", "host")
    await configure(lobby, room, waiting_room_enabled=True)
    async with opened(address, host.token) as hosts:
        await hosts.hear("room.snapshot")

        assert await knocks(address, ann) == 403

        assert (await hosts.hear("participant.waiting"))["participant"]["id"] == str(
            ann.participant_id
        )


async def test_who_quits_elsewhere_is_disconnected_here(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as client:
        await client.hear("room.snapshot")

        await lobby.bus.ask(LeaveSeat(**of(room), participant_id=ann.participant_id))

        assert await client.closed() == 1000


async def knocks(address: str, person: Person) -> int:
    """The status a socket is refused with."""
    with pytest.raises(InvalidStatus) as no:
        async with opened(address, person.token):
            pass
    return no.value.response.status_code
