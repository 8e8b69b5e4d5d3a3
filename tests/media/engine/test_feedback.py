"""RTCP on both sides: what was lost comes again, keyframes are asked for, clocks agree."""

from __future__ import annotations

import asyncio

import pytest

from media.core import clock, rtcp
from media.core.reception import ReportBlock
from tests.media.engine.stage import (
    INTERFRAME,
    KEYFRAME,
    OPUS,
    RECEIVER_VP8,
    TRANSPORT,
    VP8,
    Publisher,
    Receiver,
    Stage,
)
from tests.support.rtp_peer import QUIET, Packet, rtp

RTX_SSRC = 3333


async def play(publisher: Publisher, receiver: Receiver, first: int, count: int) -> list[Packet]:
    """A keyframe and what follows, seen by the receiver."""
    for step in range(count):
        payload = KEYFRAME if step == 0 else INTERFRAME + b"%d" % step
        publisher.send(first + step, payload, timestamp=step * 3_000)
    return await receiver.peer.next_packets(count)


def nack(receiver: Receiver, *sequences: int) -> None:
    receiver.peer.send_rtcp(rtcp.negative_acknowledgement(1, receiver.spec.ssrc, sequences))


@pytest.mark.parametrize("first", [0, 65_530])
async def test_a_lost_packet_comes_again_as_a_retransmission(stage: Stage, first: int) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    packets = await play(publisher, receiver, first, 12)

    nack(receiver, packets[3].sequence, packets[10].sequence)

    repairs = await receiver.peer.next_packets(2)
    for repair, lost in zip(repairs, (packets[3], packets[10]), strict=True):
        assert repair.ssrc == receiver.spec.rtx_ssrc
        assert repair.payload_type == RECEIVER_VP8.rtx_payload_type
        assert repair.payload == lost.sequence.to_bytes(2, "big") + lost.payload
        assert repair.timestamp == lost.timestamp
        assert repair.elements[9] == b"v7"
    assert repairs[1].sequence == repairs[0].sequence + 1
    assert stage.engine.stats.retransmissions_sent == 2


async def test_without_rtx_the_very_same_ciphertext_comes_again(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher, rtx=False)
    packets = await play(publisher, receiver, 10, 5)
    stage.now += 1.0

    nack(receiver, packets[2].sequence)

    await receiver.peer.until(lambda: len(receiver.peer.datagrams) >= 6)
    assert receiver.peer.datagrams[5] == receiver.peer.datagrams[2]


async def test_what_was_never_sent_cannot_be_asked_for(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver, stranger = stage.receiver(publisher), stage.receiver(publisher)
    packets = await play(publisher, receiver, 10, 3)

    nack(receiver, packets[0].sequence - 1, packets[2].sequence + 1, packets[0].sequence + 30_000)
    stranger.peer.send_rtcp(
        rtcp.negative_acknowledgement(1, receiver.spec.ssrc, [packets[0].sequence])
    )
    nack(receiver, packets[1].sequence)

    repair = await receiver.peer.next_packet()
    assert repair.payload[2:] == packets[1].payload
    assert stage.engine.stats.retransmissions_sent == 1
    assert len(stranger.peer.datagrams) == 3


async def test_a_storm_of_requests_repeats_each_packet_once(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    packets = await play(publisher, receiver, 10, 20)

    for _ in range(200):
        nack(receiver, *(packet.sequence for packet in packets))

    await receiver.peer.until(lambda: stage.engine.stats.nacks_received == 200)
    assert stage.engine.stats.retransmissions_sent == 20


async def test_the_publisher_is_asked_at_once_for_what_it_lost_and_again(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    await play(publisher, receiver, 65_530, 3)

    publisher.send(65_536 + 2, INTERFRAME)
    first = await publisher.peer.next_report(rtcp.Lost)
    stage.now += 0.2
    second = await publisher.peer.next_report(rtcp.Lost)

    assert first == rtcp.Lost(publisher.ssrc, (65_533, 65_534, 65_535, 0, 1))
    assert second == first


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "by payload type"])
async def test_a_repair_goes_to_all_receivers_and_is_asked_for_no_more(
    stage: Stage, announced: bool
) -> None:
    publisher = stage.publisher(VP8, rtx_ssrc=RTX_SSRC if announced else None)
    receivers = [stage.receiver(publisher) for _ in range(2)]
    packets = await play(publisher, receivers[0], 10, 3)
    publisher.send(14, INTERFRAME)
    await publisher.peer.next_report(rtcp.Lost)

    repair = rtp(9_000, (13).to_bytes(2, "big") + b"repaired", ssrc=RTX_SSRC, payload_type=97,
                 timestamp=9_000)  # fmt: skip
    publisher.peer.send(repair)
    publisher.peer.send(rtp(9_001, repair[12:], ssrc=RTX_SSRC, payload_type=97))

    for receiver in receivers:
        found = await receiver.peer.packet_with(b"repaired")
        assert found.timestamp == 9_000
        assert found.payload_type == RECEIVER_VP8.payload_type
        assert found.ssrc == receiver.spec.ssrc
        if receiver is receivers[0]:
            assert found.sequence == packets[0].sequence + 3
    asked = stage.engine.stats.nacks_sent
    stage.now += 0.3
    await asyncio.sleep(0.12)
    assert stage.engine.stats.nacks_sent == asked


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00\x0d", b"\xff\xff", b"\x00\x0bprobe"])
async def test_retransmissions_that_repair_nothing_do_nothing(stage: Stage, payload: bytes) -> None:
    publisher = stage.publisher(VP8, rtx_ssrc=RTX_SSRC)
    receiver = stage.receiver(publisher)
    await play(publisher, receiver, 10, 4)

    publisher.peer.send(rtp(9_000, payload, ssrc=RTX_SSRC, payload_type=97))
    publisher.send(14, INTERFRAME)

    assert (await receiver.peer.next_packet()).payload == INTERFRAME
    assert stage.engine.stats.packets_forwarded == 5


async def test_many_wishes_for_a_keyframe_are_one_request_each_half_second(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receivers = [stage.receiver(publisher) for _ in range(10)]
    for receiver in receivers:
        await play(publisher, receiver, 10 * receiver.leg, 1)
    stage.now += 10
    before = stage.engine.stats.keyframe_requests_sent
    publisher.peer.reports.clear()

    for _ in range(30):
        for receiver in receivers:
            ssrc = receiver.spec.ssrc
            receiver.peer.send_rtcp(rtcp.picture_loss_indication(1, ssrc))
            fir = ssrc.to_bytes(4, "big") + bytes(4)
            receiver.peer.send_rtcp(bytes.fromhex("84ce0004 00000001 00000000") + fir)
    await publisher.peer.next_report(rtcp.KeyframeWanted)
    await asyncio.sleep(QUIET)

    assert stage.engine.stats.keyframe_requests_sent == before + 1
    stage.now += 0.5
    assert await publisher.peer.next_report(rtcp.KeyframeWanted) == rtcp.KeyframeWanted(1111)


async def test_a_loss_too_great_to_repair_is_mended_by_a_keyframe(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    await play(publisher, receiver, 10, 1)
    publisher.peer.reports.clear()
    stage.now += 1

    publisher.send(1_000, INTERFRAME)

    assert await publisher.peer.next_report(rtcp.KeyframeWanted) == rtcp.KeyframeWanted(1111)


async def test_requests_stop_with_the_keyframe(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    await publisher.peer.next_report(rtcp.KeyframeWanted)

    await play(publisher, receiver, 10, 1)
    stage.now += 5
    await asyncio.sleep(0.12)

    assert stage.engine.stats.keyframe_requests_sent == 1


async def test_sender_reports_keep_a_publishers_sound_and_picture_together(stage: Stage) -> None:
    """The publisher says: these two timestamps are one moment. So do our reports."""
    sound = stage.publisher(OPUS, mid="0")
    picture = stage.publisher(VP8, ssrc=2222, mid="1", beside=sound)
    hearing = stage.receiver(sound)
    seeing = stage.receiver(picture, beside=hearing)
    sound.send(1, timestamp=48_000)
    picture.send(1, KEYFRAME, timestamp=9_000)
    heard, seen = await hearing.peer.next_packets(2)
    their_wall = 1_234.0
    for ssrc, timestamp in ((sound.ssrc, 48_000), (picture.ssrc, 9_000)):
        sound.peer.send_rtcp(
            rtcp.sender_report(rtcp.SenderReport(ssrc, clock.to_ntp(their_wall), timestamp, 1, 1))
        )
        # The second report travelled 80 ms longer, which must not come between the two.
        await asyncio.sleep(QUIET)
        stage.now += 0.08

    stage.now += 1.0
    one = await hearing.peer.next_report(rtcp.SenderReport)
    two = await seeing.peer.next_report(rtcp.SenderReport)

    by_ssrc = {report.ssrc: report for report in (one, two)}
    audio, video = by_ssrc[hearing.spec.ssrc], by_ssrc[seeing.spec.ssrc]
    audio_moment = clock.from_ntp(audio.ntp) - (audio.timestamp - heard.timestamp) / 48_000
    video_moment = clock.from_ntp(video.ntp) - (video.timestamp - seen.timestamp) / 90_000
    assert audio_moment == pytest.approx(video_moment, abs=0.001)
    assert clock.from_ntp(audio.ntp) == pytest.approx(1_700_000_000 + stage.now, abs=0.01)
    assert (audio.packets, audio.octets) == (1, len(b"payload"))


async def test_sender_reports_count_what_was_sent(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    await play(publisher, receiver, 10, 7)
    nack(receiver, 1)
    stage.engine.pause_forward(receiver.forward, True)
    publisher.send(17, INTERFRAME)
    stage.engine.pause_forward(receiver.forward, False)
    publisher.send(18, KEYFRAME)
    await receiver.peer.next_packet()
    stage.now += 3.0

    report = await receiver.peer.next_report(rtcp.SenderReport)

    payloads = [KEYFRAME, *(INTERFRAME + b"%d" % n for n in range(1, 7)), KEYFRAME]
    assert (report.packets, report.octets) == (8, sum(map(len, payloads)))


async def test_the_publisher_hears_what_was_lost_and_when_its_report_came(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    await play(publisher, receiver, 10, 3)
    publisher.send(14, INTERFRAME)
    publisher.peer.send_rtcp(
        rtcp.sender_report(rtcp.SenderReport(publisher.ssrc, 0x0123_4567_89AB_CDEF, 0, 4, 9))
    )
    await receiver.peer.next_packet()
    await asyncio.sleep(QUIET)
    stage.now += 2.0

    block = (await publisher.peer.next_report(rtcp.Reported)).block

    assert block == ReportBlock(
        ssrc=publisher.ssrc,
        fraction_lost=256 // 5,
        packets_lost=1,
        highest=14,
        jitter=block.jitter,
        last_report=0x4567_89AB,
        delay_since_last_report=2 * 65_536,
    )
    assert stage.engine.source_stats(publisher.source).packets_lost == 1


async def test_the_publisher_gets_transport_wide_feedback(stage: Stage) -> None:
    publisher = stage.publisher(VP8)

    for number in (7, 8, 10):
        publisher.send(number, KEYFRAME, elements={TRANSPORT: number.to_bytes(2, "big")})
    await asyncio.sleep(QUIET)
    stage.now += 0.2

    def feedback() -> list[bytes]:
        return [data for data in publisher.peer.compounds if data[:2] == b"\x8f\xcd"]

    await publisher.peer.until(lambda: bool(feedback()))
    (packet,) = feedback()
    assert packet[12:16] == bytes.fromhex("0007 0004")
    assert stage.engine.stats.transport_feedback_sent == 1
