"""A pod as the house sees it: orders, epochs, leases, news, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.contract.commands import ClaimRoom, ReportSpool
from infra.contract.events import ConnectionChanged, TracksChanged
from infra.contract.ids import ConnectionId, ParticipantId, RecordingId, TrackId, new_id
from infra.contract.live import (
    AddCandidate,
    CloseConnection,
    CloseParticipant,
    DropRoom,
    HoldRoom,
    MuteTrack,
    PauseSlot,
    Publish,
    RecordingOrder,
    Subscribe,
)
from infra.contract.messages import Done
from infra.contract.refusals import Reason, Refused
from infra.storage.spool import parts, read_manifest
from tests.support.pods import PodUnderTest, RoomUnderTest, running_pod, until


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[PodUnderTest]:
    async with running_pod(tmp_path, segment_s=1.0) as pod:
        yield pod


def recording() -> RecordingOrder:
    return RecordingOrder(recording_id=RecordingId(new_id()), started_at=datetime.now(UTC))


async def refused(room: RoomUnderTest, kind: Any, **fields: Any) -> Reason:
    with pytest.raises(Refused) as no:
        await room.order(kind, **fields)
    return no.value.refusal.reason


async def test_holding_a_room_twice_changes_nothing(pod: PodUnderTest) -> None:
    room = await pod.room()

    await room.hold()

    assert len(pod.pod.rooms) == 1


async def test_an_order_under_another_epoch_is_refused(pod: PodUnderTest) -> None:
    room = await pod.room()
    room.epoch = 5
    await room.hold()

    room.epoch = 4

    assert await refused(room, DropRoom) is Reason.STALE_EPOCH
    closing = {"participant_id": new_id(), "connection_id": new_id()}
    assert await refused(room, CloseConnection, **closing) is Reason.STALE_EPOCH
    assert await refused(room, HoldRoom, tenant_id=new_id(), recording=None) is Reason.STALE_EPOCH


async def test_what_was_decided_before_undoes_nothing_that_was_decided_after(
    pod: PodUnderTest,
) -> None:
    room = await pod.room()
    begin, end = recording(), None
    holding: dict[str, Any] = {"tenant_id": room.tenant_id}
    await room.order(HoldRoom, recording=end, version=7, **holding)

    await room.order(HoldRoom, recording=begin, version=5, **holding)
    assert pod.pod.rooms[room.id].recording is None

    await room.order(HoldRoom, recording=begin, version=9, **holding)
    assert pod.pod.rooms[room.id].recording == begin


async def test_an_order_for_a_room_not_held_asks_its_owner_and_waits_for_word(
    pod: PodUnderTest,
) -> None:
    room = RoomUnderTest(pod)
    closing = {"participant_id": new_id(), "connection_id": new_id()}

    order = asyncio.create_task(room.order(CloseConnection, **closing))
    await until(lambda: any(isinstance(c, ClaimRoom) for c in pod.bus.told), "the claim")
    await room.hold()

    assert await order == Done()


async def test_an_order_for_a_room_that_stays_unknown_is_refused(pod: PodUnderTest) -> None:
    room = RoomUnderTest(pod)

    assert await refused(room, PauseSlot, **_slot()) is Reason.STALE_EPOCH


def _slot() -> dict[str, Any]:
    return {"participant_id": new_id(), "connection_id": new_id(), "mid": "0", "paused": True}


async def test_what_is_not_there_is_refused_by_its_name(pod: PodUnderTest) -> None:
    room = await pod.room()
    who = {"participant_id": ParticipantId(new_id())}
    there = {**who, "connection_id": ConnectionId(new_id())}

    assert await refused(room, AddCandidate, **there) is Reason.SESSION_UNKNOWN
    assert await refused(room, PauseSlot, **_slot()) is Reason.SESSION_UNKNOWN
    muting = {**who, "track_id": TrackId(new_id()), "muted": True}
    assert await refused(room, MuteTrack, **muting) is Reason.TRACK_UNKNOWN
    assert await refused(room, Publish, **there, offer="v=0") is Reason.BAD_DESCRIPTION
    assert await refused(room, Subscribe, **there, offer="v=0") is Reason.BAD_DESCRIPTION
    assert await room.order(CloseConnection, **there) == Done()


async def test_orders_come_in_by_the_inbox_and_are_answered_in_their_order(
    pod: PodUnderTest,
) -> None:
    room = RoomUnderTest(pod)
    answers: list[object] = []

    async def answer(said: object) -> None:
        answers.append(said)

    hold = HoldRoom(room_id=room.id, epoch=1, tenant_id=room.tenant_id, recording=None)
    pause = PauseSlot(room_id=room.id, epoch=1, **_slot())
    await pod.inbox.orders.put((hold, answer))
    await pod.inbox.orders.put((pause, answer))
    await until(lambda: len(answers) == 2, "the answers")

    done, no = answers
    assert done == Done()
    assert isinstance(no, Refused)
    assert no.refusal.reason is Reason.SESSION_UNKNOWN


async def test_people_stay_connected_when_the_room_is_given_to_the_same_pod_again(
    pod: PodUnderTest,
) -> None:
    room = await pod.room()
    ada = room.caller()
    await ada.publish("microphone")

    room.epoch = 2
    await room.hold()

    assert len(room.tracks) == 1
    await until(lambda: pod.bus.signals(TracksChanged)[-1].epoch == 2, "news under the new epoch")
    await ada.close()


async def test_who_left_and_came_back_is_not_hung_up_on_by_a_late_order(
    pod: PodUnderTest,
) -> None:
    room = await pod.room()
    ada = room.caller()
    await ada.publish("microphone", version=4)

    await room.order(CloseParticipant, participant_id=ada.id, version=4)
    assert len(room.tracks) == 1
    await room.order(CloseParticipant, participant_id=ada.id, version=5)

    assert room.tracks == ()
    await ada.close()


async def test_a_room_another_holds_is_let_go_without_a_word_about_it(pod: PodUnderTest) -> None:
    room = await pod.room()
    ada = room.caller()
    await ada.publish("microphone")
    await until(lambda: pod.inbox.tracks.get(room.id), "the tracks")

    pod.inbox.leases[room.id] = "lost"
    await until(lambda: not pod.pod.rooms, "letting go", within=3.0)

    (pc,) = ada.pcs.values()
    await until(lambda: pc.connectionState == "closed", "hanging up", within=2.0)
    assert len(pod.inbox.tracks[room.id]) == 1
    assert [n.state for n in pod.bus.signals(ConnectionChanged)] == ["connected"]
    await ada.close()


async def test_a_lease_nobody_holds_is_claimed_while_the_call_goes_on(pod: PodUnderTest) -> None:
    room = await pod.room()
    ada, bob = room.caller(), room.caller()
    (audio,) = (await ada.publish("microphone")).tracks
    slots = (await bob.subscribe("audio")).slots

    pod.inbox.leases[room.id] = "missing"
    await until(lambda: any(isinstance(c, ClaimRoom) for c in pod.bus.told), "the claim")

    await bob.slot(slots, audio.track_id).more(10)
    await ada.close()
    await bob.close()


async def test_without_redis_the_call_goes_on_and_the_news_comes_later(pod: PodUnderTest) -> None:
    room = await pod.room()
    ada, bob = room.caller(), room.caller()
    pod.inbox.down = pod.bus.down = True

    (audio,) = (await ada.publish("microphone")).tracks
    slots = (await bob.subscribe("audio")).slots
    await bob.slot(slots, audio.track_id).more(10)
    pod.inbox.down = pod.bus.down = False

    await until(lambda: pod.inbox.tracks.get(room.id) == (audio,), "the tracks")
    await until(lambda: len(pod.bus.signals(ConnectionChanged)) == 2, "the news")
    await ada.close()
    await bob.close()


async def test_presence_of_those_who_are_connected_is_vouched_for(pod: PodUnderTest) -> None:
    room = await pod.room()
    ada, stranger = room.caller(), room.caller()
    await ada.publish("microphone")
    pod.bus.touched.clear()

    await pod.pod.every_five_seconds()

    assert pod.bus.touched == [(room.id, ada.id)]
    await ada.close()
    await stranger.close()


async def test_a_recording_covers_those_who_were_there_and_those_who_come(
    pod: PodUnderTest, tmp_path: Path
) -> None:
    room = await pod.room()
    ada, bob = room.caller(), room.caller()
    await ada.publish("microphone", "camera")

    order = recording()
    await room.hold(recording=order)
    await bob.publish("microphone")
    await asyncio.sleep(2.5)
    await room.hold()

    ((recording_id, epoch, path),) = list(parts(tmp_path / "spool"))
    assert (recording_id, epoch) == (order.recording_id, 1)
    manifest = read_manifest((path / "manifest.jsonl").read_bytes())
    assert {segment.participant for segment in manifest.segments} == {ada.id, bob.id}
    assert {segment.kind for segment in manifest.segments} == {"audio", "video"}
    told = [c for c in pod.bus.told if isinstance(c, ReportSpool)]
    await until(lambda: pod.bus.told and _closed(pod, order), "the report")
    assert told is not None
    await ada.close()
    await bob.close()


def _closed(pod: PodUnderTest, order: RecordingOrder) -> bool:
    return any(
        isinstance(c, ReportSpool) and c.closed and c.recording_id == order.recording_id
        for c in pod.bus.told
    )


async def test_a_pod_that_ends_leaves_whole_recordings_and_nobody_waiting(tmp_path: Path) -> None:
    async with running_pod(tmp_path, segment_s=1.0) as pod:
        room = await pod.room()
        ada = room.caller()
        await ada.publish("microphone")
        order = recording()
        await room.hold(recording=order)
        await asyncio.sleep(1.0)

        await pod.app.stop()

        assert _closed(pod, order)
        assert pod.inbox.retired
        assert pod.inbox.reports[-1].draining
        assert pod.bus.signals(ConnectionChanged)[-1].state == "closed"
        ((_, _, path),) = list(parts(tmp_path / "spool"))
        assert read_manifest((path / "manifest.jsonl").read_bytes()).closed
        (pc,) = ada.pcs.values()
        await until(lambda: pc.connectionState == "closed", "hanging up")
        await ada.close()


async def test_a_draining_pod_takes_no_room(pod: PodUnderTest) -> None:
    pod.pod.draining = True

    with pytest.raises(Refused) as no:
        await pod.room()

    assert no.value.refusal.reason is Reason.NO_MEDIA_POD


async def test_the_pod_reports_itself_every_second(pod: PodUnderTest) -> None:
    await pod.room()
    await until(lambda: pod.inbox.reports and pod.inbox.reports[-1].rooms == 1, "the report")

    report = pod.inbox.reports[-1]

    assert (report.engine, report.draining) == ("reference", False)
    host, port = pod.pod.board.engine.local_address
    assert report.media_address == f"{host}:{port}"
