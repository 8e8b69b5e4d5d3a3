"""Whole calls: unmodified aiortc clients and a pod."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from infra.contract.events import ConnectionChanged, SlotsChanged, TracksChanged
from infra.contract.ids import ConnectionId, new_id
from infra.contract.live import CloseConnection, CloseTrack, MuteTrack
from infra.contract.refusals import Reason, Refused
from media.engine.port import Address
from tests.support.pods import Caller, PodUnderTest, RoomUnderTest, running_pod, until

Received = Callable[[bytes, Address], None]
CLIENT_HELLO = bytes.fromhex("16feff0000000000000000006a010000") + bytes(100)
CLOSE_NOTIFY = bytes.fromhex("15fefd000000000000000000020100")


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[PodUnderTest]:
    async with running_pod(tmp_path) as pod:
        yield pod


@pytest.fixture
async def room(pod: PodUnderTest) -> RoomUnderTest:
    return await pod.room()


@pytest.fixture
async def callers(room: RoomUnderTest) -> AsyncIterator[list[Caller]]:
    async with AsyncExitStack() as stack:
        made = [room.caller() for _ in range(3)]
        for caller in made:
            stack.push_async_callback(caller.close)
        yield made


async def test_what_one_sends_another_hears_and_sees(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    published = await ada.publish("microphone", "camera")

    subscribed = await bob.subscribe("audio", "video")

    audio, video = published.tracks
    await bob.slot(subscribed.slots, audio.track_id).more(20)
    await bob.slot(subscribed.slots, video.track_id).more(10)
    assert bob.slot(subscribed.slots, audio.track_id).loud > 0


async def test_a_muted_track_is_silent_while_the_others_go_on(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    audio, video = (await ada.publish("microphone", "camera")).tracks
    slots = (await bob.subscribe("audio", "video")).slots
    heard, seen = bob.slot(slots, audio.track_id), bob.slot(slots, video.track_id)
    await heard.more()
    await seen.more()

    await bob.room.order(MuteTrack, participant_id=ada.id, track_id=audio.track_id, muted=True)

    assert await heard.silence() == 0
    await seen.more()
    assert [t.track_id for t in bob.room.tracks if t.muted] == [audio.track_id]
    await bob.room.order(MuteTrack, participant_id=ada.id, track_id=audio.track_id, muted=False)
    await heard.more()


async def test_one_cannot_mute_in_anothers_name(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    (audio,) = (await ada.publish("microphone")).tracks

    with pytest.raises(Refused) as no:
        await bob.room.order(MuteTrack, participant_id=bob.id, track_id=audio.track_id, muted=True)

    assert no.value.refusal.reason is Reason.TRACK_UNKNOWN


async def test_a_track_that_is_closed_is_gone_while_the_others_go_on(
    callers: list[Caller],
) -> None:
    ada, bob, _ = callers
    audio, video = (await ada.publish("microphone", "camera")).tracks
    slots = (await bob.subscribe("audio", "video")).slots
    heard, seen = bob.slot(slots, audio.track_id), bob.slot(slots, video.track_id)
    await heard.more()
    await seen.more()

    await bob.room.order(CloseTrack, participant_id=ada.id, track_id=audio.track_id)

    assert await heard.silence() == 0
    await seen.more()
    assert [track.track_id for track in bob.room.tracks] == [video.track_id]
    with pytest.raises(Refused) as no:
        await bob.room.order(CloseTrack, participant_id=ada.id, track_id=audio.track_id)
    assert no.value.refusal.reason is Reason.TRACK_UNKNOWN


async def test_one_who_comes_late_sees_a_picture_at_once(callers: list[Caller]) -> None:
    ada, bob, late = callers
    (video,) = (await ada.publish("camera")).tracks
    slots = (await bob.subscribe("video")).slots
    await bob.slot(slots, video.track_id).more(30)
    asked_before = bob.room.under.pod.board.engine.stats.keyframe_requests_sent

    late_slots = (await late.subscribe("video")).slots
    began = time.monotonic()
    await late.slot(late_slots, video.track_id).more(1)

    assert time.monotonic() - began < 3.0
    assert bob.room.under.pod.board.engine.stats.keyframe_requests_sent > asked_before


async def test_a_slot_is_handed_over_when_its_owner_leaves(callers: list[Caller]) -> None:
    ada, bob, viewer = callers
    first = ConnectionId(new_id())
    await ada.publish("microphone", "camera", connection=first)
    (audio, video) = (await bob.publish("microphone", "camera")).tracks
    subscription = ConnectionId(new_id())
    slots = (await viewer.subscribe("audio", "video", connection=subscription)).slots
    assert {slot.participant_id for slot in slots} == {ada.id}

    await viewer.room.order(CloseConnection, participant_id=ada.id, connection_id=first)

    bus = viewer.room.under.bus
    await until(lambda: bus.signals(SlotsChanged), "news of the slots")
    news = bus.signals(SlotsChanged)[-1]
    assert (news.connection_id, news.participant_id) == (subscription, viewer.id)
    assert [slot.track_id for slot in news.slots] == [audio.track_id, video.track_id]
    await viewer.received[slots[0].mid].more(10)
    await viewer.received[slots[1].mid].more(10)


async def test_feeds_play_on_their_own_lines_whoever_comes_first(callers: list[Caller]) -> None:
    ada, bob, viewer = callers
    await bob.publish("microphone")
    slots = (await viewer.subscribe("audio", "audio", feeds=[ada.id, bob.id])).slots
    assert [slot.participant_id for slot in slots] == [None, bob.id]

    await ada.publish("microphone")

    await viewer.received[slots[0].mid].more()
    await viewer.received[slots[1].mid].more()


async def test_a_screen_is_added_to_a_call_under_way(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    connection = ConnectionId(new_id())
    before = (await ada.publish("microphone", "camera", connection=connection)).tracks
    slots = (await bob.subscribe("audio", "video", "video")).slots
    await bob.slot(slots, before[1].track_id).more()

    after = (await ada.publish("screen", connection=connection)).tracks

    assert [t.source for t in after] == ["microphone", "camera", "screen"]
    assert after[:2] == before
    (free,) = [slot.mid for slot in slots if slot.track_id is None]
    await bob.received[free].more()
    await bob.slot(slots, before[1].track_id).more()


async def test_a_second_publish_connection_is_refused_unless_it_replaces_the_first(
    callers: list[Caller],
) -> None:
    ada, _, _ = callers
    await ada.publish("microphone")

    with pytest.raises(Refused) as no:
        await ada.publish("microphone")
    await ada.publish("microphone", replace=True)

    assert no.value.refusal.reason is Reason.ALREADY_PUBLISHING
    assert len(ada.room.tracks) == 1


async def test_an_m_line_nobody_can_play_is_turned_down_and_the_rest_works(
    callers: list[Caller],
) -> None:
    ada, bob, _ = callers

    def exotic(sdp: str) -> str:
        section = sdp[sdp.index("m=") :]
        strange = (
            section.replace("opus", "speex")
            .replace("a=mid:0", "a=mid:strange")
            .replace("a=ssrc:", "a=x-ssrc:")
        )
        return sdp.replace("BUNDLE 0", "BUNDLE 0 strange") + strange

    published = await ada.publish("microphone", munge=exotic, unmunge=_first_m_line)
    slots = (await bob.subscribe("audio")).slots

    assert "m=audio 0 " in published.answer
    assert len(published.tracks) == 1
    await bob.slot(slots, published.tracks[0].track_id).more()


def _first_m_line(answer: str) -> str:
    session, first, *_ = answer.split("m=")
    return f"{session}m={first}".replace(" strange", "")


async def test_one_who_is_removed_is_cut_off_and_everybody_told(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    await ada.publish("microphone")
    await bob.subscribe("audio")

    await bob.room.hold(removed=[ada.id])

    (pc,) = ada.pcs.values()
    await until(lambda: pc.connectionState == "closed", "the client noticing")
    bus = bob.room.under.bus
    await until(lambda: bus.signals(TracksChanged)[-1].tracks == (), "news of the tracks")
    assert bob.room.under.inbox.tracks[bob.room.id] == ()
    closed = [n for n in bus.signals(ConnectionChanged) if n.state == "closed"]
    assert [news.participant_id for news in closed] == [ada.id]


async def test_datagrams_from_strangers_do_not_disturb_a_call(callers: list[Caller]) -> None:
    ada, bob, _ = callers
    (audio,) = (await ada.publish("microphone")).tracks
    slots = (await bob.subscribe("audio")).slots
    heard = bob.slot(slots, audio.track_id)
    await heard.more()
    engine = bob.room.under.pod.board.engine
    target = engine.local_address

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(200):
            for junk in (b"", b"\x00", CLIENT_HELLO, CLOSE_NOTIFY, b"\x80\x6f" + bytes(40)):
                stranger.sendto(junk, target)
            await asyncio.sleep(0.002)
    await heard.more(25)

    assert engine.stats.dropped_empty == 200
    assert engine.stats.dropped_unknown_source >= 400
    assert engine.stats.failures == 0


async def test_strangers_cannot_keep_anybody_from_joining(callers: list[Caller]) -> None:
    ada, _, _ = callers
    target = ada.room.under.pod.board.engine.local_address

    async def spray() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            while True:
                for junk in (b"", CLIENT_HELLO, CLOSE_NOTIFY, b"\x00\x01" + bytes(40)):
                    stranger.sendto(junk, target)
                await asyncio.sleep(0.002)

    spraying = asyncio.create_task(spray())
    await ada.publish("microphone")
    spraying.cancel()

    assert len(ada.room.tracks) == 1


async def test_a_peer_with_another_certificate_gets_no_transport(callers: list[Caller]) -> None:
    ada, _, _ = callers

    def forged(sdp: str) -> str:
        return re.sub(r"a=fingerprint:.*", "a=fingerprint:sha-256 " + ":".join(["00"] * 32), sdp)

    await ada.publish("microphone", munge=forged)

    (pc,) = ada.pcs.values()
    await until(lambda: pc.connectionState == "closed", "the pod hanging up")
    assert ada.room.tracks == ()
    assert ada.room.under.pod.connections == 0


async def test_people_coming_and_going_leave_nothing_behind(room: RoomUnderTest) -> None:
    async def come_and_go() -> None:
        caller = room.caller()
        connection = ConnectionId(new_id())
        await caller.publish("microphone", connection=connection)
        await room.order(CloseConnection, participant_id=caller.id, connection_id=connection)
        await caller.close()

    await come_and_go()
    before = open_files()
    for _ in range(25):
        await asyncio.gather(*(come_and_go() for _ in range(4)))

    pod = room.under.pod
    assert pod.connections == 0
    assert pod.board.peers == set()
    assert room.tracks == ()
    assert open_files() <= before + 5


async def test_a_client_whose_address_changes_is_followed(room: RoomUnderTest) -> None:
    ada, bob = room.caller(), room.caller()
    async with Nat(room.under.pod.board.engine.local_address) as nat:
        (audio,) = (await ada.publish("microphone", unmunge=nat.munge)).tracks
        slots = (await bob.subscribe("audio")).slots
        heard = bob.slot(slots, audio.track_id)
        await heard.more()

        await nat.rebind()
        await heard.more(25)

        assert nat.sent_from_second > 0
        await ada.close()
        await bob.close()


class Side(asyncio.DatagramProtocol):
    def __init__(self, received: Received) -> None:
        self.datagram_received = received  # type: ignore[assignment]


class Nat:
    """Stands between a client and the pod, and can give the client another address."""

    def __init__(self, pod: Address) -> None:
        self._pod = pod
        self._client: Address | None = None
        self.sent_from_second = 0

    async def __aenter__(self) -> Nat:
        self._inner = await self._open(self._from_client, ("127.0.0.1", 0))
        self._outer = self._first = await self._open(self._from_pod, ("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in (self._inner, self._first, self._outer):
            transport.close()

    def munge(self, answer: str) -> str:
        """Have the client send to us."""
        here = self._inner.get_extra_info("sockname")[1]
        return answer.replace(f" {self._pod[1]} ", f" {here} ")

    async def rebind(self) -> None:
        self._outer = await self._open(self._from_pod, ("127.0.0.1", 0))
        self._first.close()

    async def _open(self, received: Received, local: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Side(received), local_addr=local)
        return transport

    def _from_client(self, data: bytes, source: Address) -> None:
        self._client = source
        self.sent_from_second += self._outer is not self._first
        self._outer.sendto(data, self._pod)

    def _from_pod(self, data: bytes, source: Address) -> None:
        if self._client is not None:
            self._inner.sendto(data, self._client)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
