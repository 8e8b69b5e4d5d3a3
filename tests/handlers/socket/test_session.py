from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from infra.contract.commands import LeaveRoom, RemoveParticipant, StartRecording
from infra.contract.events import ConnectionChanged, RoomMoved, SlotsChanged, TracksChanged
from infra.contract.ids import ConnectionId, TrackId, new_id
from infra.contract.live import Slot
from infra.contract.views import RoomView, TrackView
from tests.support.lobby import Lobby
from tests.support.wire_client import opened, until


async def quiet(lobby: Lobby, room: RoomView) -> None:
    """Wait until the session listens: news said before is not for it."""
    await until(lambda: lobby.bus.listeners(room.id))


async def test_a_newcomer_is_shown_the_room(lobby: Lobby, address: str, room: RoomView) -> None:
    ann, bob = await lobby.person(room, "Ann", "host"), await lobby.person(room, "Bob")
    track = TrackView(
        track_id=TrackId(new_id()),
        participant_id=ann.participant_id,
        kind="audio",
        source="microphone",
    )
    lobby.bus.published[room.id] = (track,)
    async with opened(address, ann.token), opened(address, bob.token) as bobs:
        shown = await bobs.hear("room.snapshot")
        connected = await bobs.hear("connected")

    assert shown["room_id"] == str(room.id)
    assert {p["display_name"]: p["role"] for p in shown["participants"]} == {
        "Ann": "host",
        "Bob": "participant",
    }
    assert [t["track_id"] for t in shown["tracks"]] == [str(track.track_id)]
    assert (shown["is_recording"], shown["recording_id"]) == (False, None)
    assert shown["you"]["id"] == str(bob.participant_id)
    assert shown["last_seq"] == 2
    assert shown["ice_servers"] == []
    assert connected["participant_id"] == str(bob.participant_id)


async def test_both_framings_carry_a_conversation(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns, opened(address, bob.token, payload=True) as bobs:
        await bobs.hear("room.snapshot")
        await anns.hear("participant.joined")

        await anns.send("chat.send", {"text": "hello <b>Bob</b>"})
        await bobs.send("chat.send", {"message": "hello Ann"})
        first, second = await bobs.hear("chat.message"), await bobs.hear("chat.message")
        history = await bobs.ask("chat.history", {"limit": 10})

    said = {m["message"]["display_name"]: m["message"]["text"] for m in (first, second)}
    assert said == {"Ann": "hello <b>Bob</b>", "Bob": "hello Ann"}
    assert second["seq"] == first["seq"] + 1
    assert [m["text"] for m in history["payload"]["messages"]] == [
        m["message"]["text"] for m in (first, second)
    ]


async def test_a_message_sent_twice_under_one_key_is_said_once(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        message = {"text": "once", "key": str(new_id())}

        first, second = await anns.ask("chat.send", message), await anns.ask("chat.send", message)
        history = await anns.ask("chat.history")

    assert first["data"]["message"]["id"] == second["data"]["message"]["id"]
    assert [m["text"] for m in history["data"]["messages"]] == ["once"]


async def test_coming_and_going_is_told_in_order(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns:
        before = await anns.hear("room.snapshot")
        async with opened(address, bob.token):
            joined = await anns.hear("participant.joined")
        left = await anns.hear("participant.left")

    assert joined["participant"]["id"] == left["participant"]["id"] == str(bob.participant_id)
    assert [joined["seq"], left["seq"]] == [before["last_seq"] + 1, before["last_seq"] + 2]


async def test_a_connection_that_breaks_has_not_left(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")
        anns.connection.transport.abort()
        await until(lambda: not lobby.bus.listeners(room.id))

    assert not [told for told in lobby.bus.told if isinstance(told, LeaveRoom)]


async def test_whoever_leaves_in_the_middle_of_a_request_has_left(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")
        lobby.bus.stubborn, lobby.bus.slow_s = True, 60.0
        await anns.send("media.mute", {"track_id": str(new_id())})
        await anns.ask("chat.history")

    await until(lambda: [told for told in lobby.bus.told if isinstance(told, LeaveRoom)])


async def test_events_lost_on_the_way_are_filled_in_from_the_log(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns, opened(address, bob.token) as bobs:
        shown = await bobs.hear("room.snapshot")
        await quiet(lobby, room)
        lobby.bus.deaf = True
        for text in ("one", "two"):
            await anns.ask("chat.send", {"text": text})
        lobby.bus.deaf = False
        await anns.ask("chat.send", {"text": "three"})

        heard = [await bobs.hear("chat.message") for _ in range(3)]

    assert [m["message"]["text"] for m in heard] == ["one", "two", "three"]
    assert [m["seq"] for m in heard] == [shown["last_seq"] + n for n in (1, 2, 3)]


async def test_a_lost_feed_is_found_again_with_all_that_was_missed(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")
        lobby.bus.deaf = True
        await anns.ask("chat.send", {"text": "missed"})
        lobby.bus.deaf = False

        lobby.bus.interrupt()
        missed = await anns.hear("chat.message")
        shown = await anns.hear("room.snapshot")
        await anns.ask("chat.send", {"text": "after"})
        after = await anns.hear("chat.message")

    assert missed["message"]["text"] == "missed"
    assert shown["last_seq"] == missed["seq"]
    assert after["message"]["text"] == "after"


async def test_a_client_that_comes_back_asks_for_what_it_missed(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns:
        last = (await anns.hear("room.snapshot"))["last_seq"]
        anns.connection.transport.abort()
    async with opened(address, bob.token) as bobs:
        await bobs.ask("chat.send", {"text": "are you there?"})
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")

        answer = await anns.ask("room.sync", {"last_seq": last})

    replayed = [f for f in anns.heard if f["data"].get("seq", 0) > last]
    assert [f["event"] for f in replayed] == [
        "participant.joined",
        "chat.message",
        "participant.left",
    ]
    assert answer["event"] == "room.synced"
    assert answer["data"]["last_seq"] == last + 3


async def test_the_end_of_the_room_ends_the_session(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")

        await lobby.end(room)

        await anns.hear("room.ended")
        assert await anns.closed() == 1000


async def test_whoever_is_removed_is_disconnected(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")

        await lobby.bus.ask(
            RemoveParticipant(
                tenant_id=room.tenant_id, room_id=room.id, participant_id=ann.participant_id
            )
        )

        assert await anns.closed() == 4003


async def test_whoever_is_taken_for_gone_while_connected_is_back_at_once(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns, opened(address, bob.token) as bobs:
        await anns.hear("room.snapshot")
        mine = (await bobs.hear("connected"))["connection_id"]

        await lobby.bus.ask(
            LeaveRoom(
                tenant_id=room.tenant_id,
                room_id=room.id,
                participant_id=bob.participant_id,
                connection_id=ConnectionId(mine),
            )
        )

        left, joined = await anns.hear("participant.left"), await anns.hear("participant.joined")
        await bobs.hear("participant.joined")
    assert left["participant"]["id"] == joined["participant"]["id"] == str(bob.participant_id)


async def test_signals_of_the_pod_reach_whom_they_concern(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    connection, track = ConnectionId(new_id()), TrackId(new_id())
    async with opened(address, ann.token) as anns, opened(address, bob.token) as bobs:
        for client in (anns, bobs):
            await client.hear("room.snapshot")
        await until(lambda: lobby.bus.listeners(room.id) == 2)

        bobs_own: dict[str, Any] = {
            "room_id": room.id,
            "participant_id": bob.participant_id,
            "connection_id": connection,
        }
        lobby.say(room.id, SlotsChanged(**bobs_own, slots=(Slot(mid="0", track_id=track),)))
        lobby.say(room.id, ConnectionChanged(**bobs_own, state="connected"))
        lobby.say(room.id, TracksChanged(room_id=room.id, epoch=1, tracks=()))
        lobby.say(room.id, RoomMoved(room_id=room.id, epoch=2))

        slots = await bobs.hear("media.slots")
        state = await bobs.hear("media.connection")
        for client in (anns, bobs):
            assert (await client.hear("media.tracks")) == {"tracks": []}
            assert (await client.hear("media.moved"))["epoch"] == 2
    assert slots["slots"] == [{"mid": "0", "track_id": str(track), "participant_id": None}]
    assert (slots["connection_id"], state["state"]) == (str(connection), "connected")
    assert not [f for f in anns.heard if f["event"] in ("media.slots", "media.connection")]


async def test_a_raised_hand_is_seen_also_by_those_who_come_later(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns:
        await anns.ask("hand.raise")
        await anns.hear("hand.raised")
        async with opened(address, bob.token) as bobs:
            late = await bobs.hear("hand.raised")
            await anns.ask("hand.lower")
            lowered = await bobs.hear("hand.lowered")
            await anns.ask("reaction.send", {"reaction": "👍"})
            reaction = await bobs.hear("reaction")

    assert late == lowered == {"participant_id": str(ann.participant_id)}
    assert reaction == {"participant_id": str(ann.participant_id), "reaction": "👍"}


async def test_only_a_host_records(lobby: Lobby, address: str, room: RoomView) -> None:
    ann, bob = await lobby.person(room, "Ann", "host"), await lobby.person(room, "Bob")
    async with opened(address, ann.token) as anns, opened(address, bob.token) as bobs:
        no = await bobs.ask("recording.start")
        yes = await anns.ask("recording.start")
        started = await bobs.hear("recording.started")
        again = await anns.ask("recording.start")
        await anns.ask("recording.stop")
        stopped = await bobs.hear("recording.stopped")

    assert (no["event"], no["data"]["code"]) == ("error", "HOST_ONLY")
    assert started["recording_id"] == stopped["recording_id"] == yes["data"]["recording_id"]
    assert again["data"]["code"] == "ALREADY_RECORDING"
    assert len([c for c in lobby.bus.asked if isinstance(c, StartRecording)]) == 2


async def test_presence_is_said_at_once(lobby: Lobby, address: str, room: RoomView) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")
        await until(lambda: lobby.bus.touched)

    assert lobby.bus.touched == [(room.id, ann.participant_id)]


async def test_chat_has_a_limit_and_says_so(lobby: Lobby, address: str, room: RoomView) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        answers = [await anns.ask("chat.send", {"text": str(n)}) for n in range(12)]

    assert [a["event"] for a in answers[:10]] == ["chat.sent"] * 10
    assert {a["data"]["code"] for a in answers[10:]} == {"RATE_LIMITED"}


async def test_a_client_that_floods_is_cut_off(lobby: Lobby, address: str, room: RoomView) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2000):
                await anns.send("ping")

        assert await anns.closed() == 1008


async def test_a_client_that_does_not_read_is_cut_off(
    lobby: Lobby, address: str, room: RoomView
) -> None:
    ann, bob = await lobby.person(room, "Ann"), await lobby.person(room, "Bob")
    many = TracksChanged(
        room_id=room.id,
        epoch=1,
        tracks=tuple(
            TrackView(
                track_id=TrackId(new_id()),
                participant_id=ann.participant_id,
                kind="video",
                source="camera",
            )
            for _ in range(500)
        ),
    )
    async with opened(address, ann.token, ping_interval=None, compression=None) as anns:
        await quiet(lobby, room)
        anns.connection.transport.pause_reading()

        # Some megabytes go into the kernel's own buffers.
        for _ in range(600):
            lobby.say(room.id, many)
            await asyncio.sleep(0.002)
            if not lobby.bus.listeners(room.id):
                break

        assert not lobby.bus.listeners(room.id)
        anns.connection.transport.abort()
    async with opened(address, bob.token) as bobs:
        assert (await bobs.ask("ping"))["event"] == "pong"


@pytest.mark.parametrize("down", ["bus", "broken request"])
async def test_a_refusal_is_answered_and_the_session_goes_on(
    lobby: Lobby, address: str, room: RoomView, down: str
) -> None:
    ann = await lobby.person(room, "Ann")
    async with opened(address, ann.token) as anns:
        await anns.hear("room.snapshot")
        lobby.bus.down = down == "bus"
        answer = await anns.ask("chat.send", {"text": "" if down == "broken request" else "hi"})
        lobby.bus.down = False
        after = await anns.ask("chat.send", {"text": "hi"})

    assert answer["event"] == "error"
    assert answer["data"]["code"] == {"bus": "UNAVAILABLE"}.get(down, "MALFORMED")
    assert answer["data"]["id"] == answer["id"]
    assert after["event"] == "chat.sent"
