"""What a recorder is given of a source."""

from __future__ import annotations

import pytest

from media.core import clock, rtcp
from media.engine.port import TapPacket
from tests.media.engine.stage import INTERFRAME, KEYFRAME, OPUS, VP8, Stage
from tests.support.rtp_peer import rtp


async def test_numbers_and_timestamps_grow_across_their_wraps(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    tapped: list[TapPacket] = []
    stage.engine.tap(publisher.source, tapped.append)

    for step in range(5):
        publisher.send(65_533 + step, b"%d" % step, timestamp=0xFFFFF000 + step * 2_000)

    await receiver.peer.next_packets(5)
    assert [packet.sequence for packet in tapped] == [65_533 + step for step in range(5)]
    assert [packet.timestamp for packet in tapped] == [
        0xFFFFF000 + step * 2_000 for step in range(5)
    ]
    assert [packet.payload for packet in tapped] == [b"%d" % step for step in range(5)]
    assert {packet.codec for packet in tapped} == {OPUS}
    assert {packet.arrived_at for packet in tapped} == {stage.now}


async def test_recovered_and_overtaken_packets_come_with_their_own_numbers(stage: Stage) -> None:
    publisher = stage.publisher(VP8, rtx_ssrc=3333)
    receiver = stage.receiver(publisher)
    tapped: list[TapPacket] = []
    stage.engine.tap(publisher.source, tapped.append)

    publisher.send(65_534, KEYFRAME)
    publisher.send(65_538, INTERFRAME)
    publisher.send(65_535, INTERFRAME)
    for number in (1, 2):
        publisher.peer.send(
            rtp(number, b"\x00\x00" + INTERFRAME, ssrc=3333, payload_type=97, marker=True)
        )
    publisher.send(65_539, INTERFRAME)

    await receiver.peer.next_packets(5)
    assert [packet.sequence for packet in tapped] == [65_534, 65_538, 65_535, 65_536, 65_539]
    assert [packet.marker for packet in tapped] == [False, False, False, True, False]
    assert {packet.codec for packet in tapped} == {VP8}


async def test_the_senders_clock_is_told_once_it_reported_it(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    tapped: list[TapPacket] = []
    stage.engine.tap(publisher.source, tapped.append)

    publisher.send(1, timestamp=48_000)
    publisher.peer.send_rtcp(
        rtcp.sender_report(rtcp.SenderReport(publisher.ssrc, clock.to_ntp(1_000.0), 48_000, 1, 1))
    )
    publisher.send(2, timestamp=72_000)

    await receiver.peer.next_packets(2)
    assert tapped[0].ntp_time is None
    assert tapped[1].ntp_time == pytest.approx(1_000.5)


async def test_a_source_without_receivers_is_tapped_until_the_tap_is_taken_off(
    stage: Stage,
) -> None:
    publisher = stage.publisher()
    tapped: list[TapPacket] = []
    stage.engine.tap(publisher.source, tapped.append)
    publisher.send(1)
    publisher.send(2)
    probe = stage.publisher(ssrc=2222)
    receiver = stage.receiver(probe)
    probe.send(1)
    await receiver.peer.next_packet()

    stage.engine.tap(publisher.source, None)
    publisher.send(3)
    probe.send(2)
    await receiver.peer.next_packet()

    assert [packet.sequence for packet in tapped] == [1, 2]


async def test_nothing_of_a_muted_source_is_tapped(stage: Stage) -> None:
    publisher = stage.publisher()
    tapped: list[TapPacket] = []
    stage.engine.tap(publisher.source, tapped.append)
    probe = stage.publisher(ssrc=2222)
    receiver = stage.receiver(probe)

    stage.engine.mute_source(publisher.source, True)
    publisher.send(1)
    probe.send(1)

    await receiver.peer.next_packet()
    assert tapped == []
