from __future__ import annotations

import pytest

from infra.contract.commands import RemoveParticipant
from infra.contract.ids import TrackId, new_id
from infra.contract.live import (
    AddCandidate,
    CloseConnection,
    MuteTrack,
    PauseSlot,
    Publish,
    Published,
    Slot,
    Subscribe,
    Subscribed,
)
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomView, TrackView
from tests.support.lobby import Lobby
from tests.support.wire_client import opened

OFFER = "v=0\r\n"


@pytest.fixture
def pod(lobby: Lobby) -> Lobby:
    """One that negotiates anything."""
    bus = lobby.bus
    bus.pod()
    bus.answer(
        Publish,
        lambda order: Published(
            answer=f"published under {order.epoch}",
            tracks=tuple(
                TrackView(
                    track_id=TrackId(new_id()),
                    participant_id=order.participant_id,
                    kind="audio",
                    source=track.source,
                )
                for track in order.tracks
            ),
        ),
    )
    bus.answer(
        Subscribe,
        lambda order: Subscribed(
            answer=f"subscribed under {order.epoch}",
            slots=tuple(Slot(mid=str(n), track_id=t) for n, t in enumerate(order.want or ())),
        ),
    )
    for order in (AddCandidate, CloseConnection, MuteTrack, PauseSlot):
        bus.answer(order, lambda _: Done())
    return lobby


async def test_offers_are_answered_by_the_pod_that_holds_the_room(
    pod: Lobby, address: str, room: RoomView
) -> None:
    ann, wanted = await pod.person(room, "Ann"), str(new_id())
    async with opened(address, ann.token) as anns:
        published = await anns.ask(
            "media.publish", {"offer": OFFER, "tracks": [{"mid": "0", "source": "microphone"}]}
        )
        subscribed = await anns.ask("media.subscribe", {"offer": OFFER, "want": [wanted]})
        connection = published["data"]["connection_id"]
        await anns.ask(
            "media.candidate", {"connection_id": connection, "candidate": "candidate:1", "mid": "0"}
        )
        again = await anns.ask("media.publish", {"offer": OFFER, "connection_id": connection})

    assert published["event"] == "media.published"
    assert published["data"]["answer"] == "published under 1"
    assert [t["source"] for t in published["data"]["tracks"]] == ["microphone"]
    assert subscribed["data"]["slots"] == [{"mid": "0", "track_id": wanted, "participant_id": None}]
    assert again["data"]["connection_id"] == connection
    assert {order.participant_id for order in pod.bus.orders(Publish)} == {ann.participant_id}
    assert [order.candidate for order in pod.bus.orders(AddCandidate)] == ["candidate:1"]


async def test_leaving_closes_what_this_socket_connected(
    pod: Lobby, address: str, room: RoomView
) -> None:
    ann = await pod.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        published = await anns.ask("media.publish", {"offer": OFFER})
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")

    closed = [str(order.connection_id) for order in pod.bus.orders(CloseConnection)]
    assert closed == [published["data"]["connection_id"]]


async def test_being_removed_closes_what_this_socket_connected(
    pod: Lobby, address: str, room: RoomView
) -> None:
    ann = await pod.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        published = await anns.ask("media.publish", {"offer": OFFER})

        await pod.bus.ask(
            RemoveParticipant(
                tenant_id=room.tenant_id, room_id=room.id, participant_id=ann.participant_id
            )
        )

        assert await anns.closed() == 4003
    closed = [str(order.connection_id) for order in pod.bus.orders(CloseConnection)]
    assert closed == [published["data"]["connection_id"]]


async def test_the_next_offer_goes_where_the_room_went(
    pod: Lobby, address: str, room: RoomView
) -> None:
    ann = await pod.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.ask("media.publish", {"offer": OFFER})
        pod.bus.reports.clear()
        second = pod.bus.pod()

        moved = await anns.ask("media.publish", {"offer": OFFER})

        assert moved["data"]["answer"] == "published under 2"
        assert pod.bus.ordered[-1][0] == second
        await anns.hear("media.moved")


async def test_a_stale_epoch_is_looked_up_again_once(
    pod: Lobby, address: str, room: RoomView
) -> None:
    ann = await pod.person(room, "Ann")
    refusals = 0

    def stale_once(order: Publish) -> Published:
        nonlocal refusals
        if not refusals:
            refusals += 1
            raise refuse(Reason.STALE_EPOCH)
        return Published(answer="at last", tracks=())

    pod.bus.answer(Publish, stale_once)
    async with opened(address, ann.token) as anns:
        answer = await anns.ask("media.publish", {"offer": OFFER})

    assert answer["data"]["answer"] == "at last"


@pytest.mark.parametrize(
    ("reason", "times"), [(Reason.BAD_DESCRIPTION, 1), (Reason.STALE_EPOCH, 2)]
)
async def test_what_the_pod_refuses_for_good_is_said(
    pod: Lobby, address: str, room: RoomView, reason: Reason, times: int
) -> None:
    ann = await pod.person(room, "Ann")

    def no(order: Publish) -> Published:
        raise refuse(reason)

    pod.bus.answer(Publish, no)
    async with opened(address, ann.token) as anns:
        answer = await anns.ask("media.publish", {"offer": OFFER})

    assert (answer["event"], answer["data"]["code"]) == ("error", reason.name)
    assert len(pod.bus.orders(Publish)) == times


async def test_without_a_pod_the_client_is_told_to_try_again(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        answer = await anns.ask("media.publish", {"offer": OFFER})

    assert answer["data"]["code"] == "NO_MEDIA_POD"


async def test_a_host_mutes_others_and_only_they_unmute(
    pod: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await pod.person(room, "Ann", "host"), await pod.person(room, "Bob")
    tracks = [
        TrackView(
            track_id=TrackId(new_id()),
            participant_id=person.participant_id,
            kind="audio",
            source="microphone",
        )
        for person in (ann, bob)
    ]
    pod.bus.published[room.id] = tuple(tracks)
    anns_track, bobs_track = (str(track.track_id) for track in tracks)
    async with opened(address, ann.token) as anns, opened(address, bob.token) as bobs:
        answers = [
            await anns.ask("media.mute", {"track_id": bobs_track, "muted": True}),
            await bobs.ask("media.mute", {"track_id": bobs_track, "muted": False}),
            await anns.ask("media.mute", {"track_id": bobs_track, "muted": False}),
            await bobs.ask("media.mute", {"track_id": anns_track, "muted": True}),
            await bobs.ask("media.mute", {"track_id": str(new_id()), "muted": True}),
        ]

    assert [a["data"].get("code", a["event"]) for a in answers] == [
        "ack",
        "ack",
        "NOT_ALLOWED",
        "HOST_ONLY",
        "TRACK_UNKNOWN",
    ]
    assert [(str(o.track_id), o.muted) for o in pod.bus.orders(MuteTrack)] == [
        (bobs_track, True),
        (bobs_track, False),
    ]


async def test_a_slow_offer_does_not_hold_up_the_chat(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    lobby.bus.pod()
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")
        lobby.bus.slow_s = 0.3

        await anns.send("media.publish", {"offer": OFFER}, id="slow")
        await anns.send("ping", id="quick")
        answers = [await anns._next(), await anns._next()]

    assert [a["id"] for a in answers] == ["quick", "slow"]
