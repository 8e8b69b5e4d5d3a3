"""A slot that changes hands stays one stream to whoever watches it."""

from __future__ import annotations

import pytest

from media.core import rtcp
from media.core.vp8 import read_descriptor
from tests.media.engine.stage import INTERFRAME, KEYFRAME, OPUS, RECEIVER_VP8, VP8, Stage

EDGES = [0, 1, 32_767, 32_768, 65_534, 65_535]


@pytest.mark.parametrize("last", EDGES)
async def test_numbers_and_clock_go_on_across_a_change_of_source(stage: Stage, last: int) -> None:
    one, two = stage.publisher(), stage.publisher(ssrc=2222)
    receiver = stage.receiver(one)
    one.send(last, timestamp=5)
    first = await receiver.peer.next_packet()

    stage.engine.feed(receiver.forward, two.source)
    stage.now += 0.5
    one.send(last + 1, b"no longer wanted")
    two.send(40_000, b"the other", timestamp=0x80000000)

    second = await receiver.peer.next_packet()
    assert second.payload == b"the other"
    assert second.ssrc == first.ssrc
    assert second.sequence == first.sequence + 1
    assert second.timestamp == first.timestamp + OPUS.clock_rate // 2


async def test_video_changes_at_a_keyframe_and_picture_ids_go_on(stage: Stage) -> None:
    one, two = stage.publisher(VP8), stage.publisher(VP8, ssrc=2222)
    receiver = stage.receiver(one)
    one.send(1, KEYFRAME)
    one.send(2, INTERFRAME)
    await receiver.peer.next_packets(2)

    stage.engine.feed(receiver.forward, two.source)
    theirs = KEYFRAME.replace(b"\x80\x05", b"\xc0\x00")
    two.send(500, INTERFRAME)
    two.send(501, theirs)
    two.send(502, theirs.replace(b"\xc0\x00\x10", b"\xc0\x01\x11"))

    packets = await receiver.peer.next_packets(2)
    assert [read_descriptor(packet.payload).picture_id for packet in packets] == [7, 8]
    assert read_descriptor(packets[0].payload).starts_keyframe
    assert packets[0].payload[4:] == theirs[4:]


async def test_switching_there_and_back_never_repeats_a_number(stage: Stage) -> None:
    one, two = stage.publisher(), stage.publisher(ssrc=2222)
    receiver = stage.receiver(one)

    numbers: list[int] = []
    for turn in range(20):
        source = one if turn % 2 else two
        stage.engine.feed(receiver.forward, source.source)
        for step in range(3):
            source.send(turn * 3 + step)
        numbers += [packet.sequence for packet in await receiver.peer.next_packets(3)]

    assert numbers == list(range(numbers[0], numbers[0] + 60))
    assert receiver.peer.unreadable == 0


async def test_a_slot_fed_nothing_is_silent(stage: Stage) -> None:
    publisher = stage.publisher()
    emptied, other = stage.receiver(publisher), stage.receiver(publisher)
    publisher.send(1)
    await emptied.peer.next_packet()

    stage.engine.feed(emptied.forward, None)
    publisher.send(2)

    await other.peer.next_packets(2)
    assert len(emptied.peer.datagrams) == 1


async def test_feeding_what_plays_already_changes_nothing(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    publisher.send(1, KEYFRAME)
    await receiver.peer.next_packet()

    stage.engine.feed(receiver.forward, publisher.source)
    publisher.send(2, INTERFRAME)

    assert (await receiver.peer.next_packet()).payload == INTERFRAME


async def test_a_publisher_that_starts_its_numbers_over_is_followed(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    publisher.send(100)
    first = await receiver.peer.next_packet()

    for number in (20_000, 20_001, 20_002):
        publisher.send(number, b"%d" % number)

    packets = await receiver.peer.next_packets(2)
    assert [packet.payload for packet in packets] == [b"20001", b"20002"]
    assert [p.sequence - first.sequence for p in packets] == [1, 2]


async def test_after_a_switch_a_lost_packet_of_the_new_source_is_repaired(stage: Stage) -> None:
    one, two = stage.publisher(VP8), stage.publisher(VP8, ssrc=2222)
    receiver = stage.receiver(one)
    one.send(1, KEYFRAME)
    await receiver.peer.next_packet()
    stage.engine.feed(receiver.forward, two.source)
    two.send(70, KEYFRAME)
    played = await receiver.peer.next_packet()

    receiver.peer.send_rtcp(rtcp.negative_acknowledgement(1, receiver.spec.ssrc, [played.sequence]))

    repair = await receiver.peer.next_packet()
    assert repair.payload_type == RECEIVER_VP8.rtx_payload_type
    assert repair.payload == played.sequence.to_bytes(2, "big") + played.payload
