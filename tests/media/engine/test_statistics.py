"""What the engine counts of sources and of what it sends."""

from __future__ import annotations

import asyncio

from media.core import rtcp
from media.core.reception import ReportBlock
from media.engine.port import Codec
from tests.media.engine.stage import INTERFRAME, KEYFRAME, LEVEL, OPUS, VP8, Receiver, Stage
from tests.support.rtp_peer import QUIET, rtp

PLAIN_VP8 = Codec("VP8", 96, 90_000)


def block(receiver: Receiver, highest: int, **more: int) -> bytes:
    said = {"packets_lost": 0, "jitter": 0, "last_report": 0, "delay_since_last_report": 0, **more}
    return rtcp.receiver_report(
        9, [ReportBlock(ssrc=receiver.spec.ssrc, fraction_lost=0, highest=highest, **said)]
    )


async def test_losses_are_told_from_repairs(stage: Stage) -> None:
    """Of ten packets three are lost on the way; one is repaired by RTX."""
    publisher = stage.publisher(VP8, rtx_ssrc=2222)
    for sequence in (10, 11, 12, 13, 17, 18, 19):
        publisher.send(sequence, KEYFRAME if sequence == 10 else INTERFRAME)
    await publisher.peer.next_report(rtcp.Lost)

    original = (14).to_bytes(2, "big")
    publisher.peer.send(rtp(1, original + INTERFRAME, ssrc=2222, payload_type=97))
    await asyncio.sleep(QUIET)

    stats = stage.engine.source_stats(publisher.source)
    assert (stats.packets_expected, stats.packets_lost, stats.packets_repaired) == (10, 3, 1)


async def test_a_repair_under_its_own_ssrc_was_lost_before_all_the_same(stage: Stage) -> None:
    publisher = stage.publisher(PLAIN_VP8)
    for sequence in (10, 11, 13):
        publisher.send(sequence, KEYFRAME if sequence == 10 else INTERFRAME)
    await publisher.peer.next_report(rtcp.Lost)

    publisher.send(12, INTERFRAME)
    await asyncio.sleep(QUIET)

    stats = stage.engine.source_stats(publisher.source)
    assert (stats.packets_expected, stats.packets_lost, stats.packets_repaired) == (4, 1, 1)


async def test_a_packet_that_was_only_overtaken_was_not_lost(stage: Stage) -> None:
    publisher = stage.publisher(OPUS)
    for sequence in (10, 12, 11):
        publisher.send(sequence)
    await asyncio.sleep(QUIET)

    stats = stage.engine.source_stats(publisher.source)
    assert (stats.packets_expected, stats.packets_lost, stats.packets_repaired) == (3, 0, 0)


async def test_loud_packets_are_counted_unless_the_track_is_muted(stage: Stage) -> None:
    publisher = stage.publisher(OPUS)
    for sequence, level in enumerate((0x80 | 20, 40, 41, 127)):
        publisher.send(sequence, elements={LEVEL: bytes([level])})
    publisher.send(4)
    await asyncio.sleep(QUIET)
    stage.engine.mute_source(publisher.source, True)
    publisher.send(5, elements={LEVEL: bytes([5])})
    await asyncio.sleep(QUIET)

    stats = stage.engine.source_stats(publisher.source)
    assert (stats.packets_levelled, stats.packets_loud) == (4, 2)


async def test_jitter_is_told_in_seconds(stage: Stage) -> None:
    publisher = stage.publisher(OPUS)
    assert stage.engine.source_stats(publisher.source).jitter_s is None
    for sequence in range(2):
        publisher.send(sequence, timestamp=960 * sequence)
        await asyncio.sleep(QUIET)
        stage.now += 0.036

    jitter_s = stage.engine.source_stats(publisher.source).jitter_s
    assert jitter_s is not None
    # 16 ms too late, of which a sixteenth counts.
    assert abs(jitter_s - 0.001) < 0.0001


async def test_what_is_sent_is_counted_with_its_headers_and_repairs(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    sent = []
    for sequence in (10, 11):
        publisher.send(sequence, KEYFRAME if sequence == 10 else INTERFRAME)
        sent.append(await receiver.peer.next_packet())
    wanted = [sent[1].sequence]
    receiver.peer.send_rtcp(rtcp.negative_acknowledgement(9, receiver.spec.ssrc, wanted))
    await receiver.peer.next_packet()

    stats = stage.engine.forward_stats(receiver.forward)

    protection = 16
    datagrams = [d for d in receiver.peer.datagrams if not 192 <= d[1] <= 223]
    assert (stats.packets, stats.is_fed) == (3, True)
    assert stats.bytes == sum(len(each) - protection for each in datagrams)


async def test_a_receivers_reports_tell_what_it_lost_itself(stage: Stage) -> None:
    publisher = stage.publisher(OPUS)
    receiver = stage.receiver(publisher)
    publisher.send(10)
    first = (await receiver.peer.next_packet()).sequence
    receiver.peer.send_rtcp(block(receiver, first))
    await asyncio.sleep(QUIET)
    for sequence in (11, 13, 14, 15):
        publisher.send(sequence)
    await receiver.peer.next_packets(4)

    # It misses what the publisher lost and one more.
    receiver.peer.send_rtcp(block(receiver, first + 5, packets_lost=2, jitter=480))
    await asyncio.sleep(QUIET)

    stats = stage.engine.forward_stats(receiver.forward)
    assert (stats.packets_expected, stats.packets_lost) == (4, 1)
    assert (stats.jitter_s, stats.reported_at, stats.round_trip_s) == (0.01, stage.now, None)


async def test_the_round_trip_is_measured_by_the_receivers_report(stage: Stage) -> None:
    publisher = stage.publisher(OPUS)
    receiver = stage.receiver(publisher)
    publisher.send(10)
    first = (await receiver.peer.next_packet()).sequence
    stage.now += 3.0
    report = await receiver.peer.next_report(rtcp.SenderReport)
    middle = report.ntp >> 16 & 0xFFFFFFFF

    stage.now += 0.75
    kept = 65_536 // 2
    receiver.peer.send_rtcp(
        block(receiver, first, last_report=middle, delay_since_last_report=kept)
    )
    await asyncio.sleep(QUIET)

    trip = stage.engine.forward_stats(receiver.forward).round_trip_s
    assert trip is not None
    assert abs(trip - 0.25) < 0.001


async def test_nothing_is_fed_to_a_paused_slot(stage: Stage) -> None:
    receiver = stage.receiver(stage.publisher(OPUS))
    assert stage.engine.forward_stats(receiver.forward).is_fed

    stage.engine.pause_forward(receiver.forward, True)
    assert not stage.engine.forward_stats(receiver.forward).is_fed

    stage.engine.pause_forward(receiver.forward, False)
    stage.engine.feed(receiver.forward, None)
    assert not stage.engine.forward_stats(receiver.forward).is_fed
