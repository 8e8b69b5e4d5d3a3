"""What one peer sends is what others get, each under its own numbers."""

from __future__ import annotations

import asyncio

import pytest

from media.engine.port import Codec, Extensions, SrtpProfile
from tests.media.engine.stage import (
    H264,
    INTERFRAME,
    KEYFRAME,
    LEVEL,
    MID,
    OPUS,
    RECEIVER_OPUS,
    RECEIVER_VP8,
    TIME,
    VP8,
    Stage,
)
from tests.support.rtp_peer import QUIET, rtp


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_payloads_arrive_unchanged_under_every_profile(
    stage: Stage, profile: SrtpProfile
) -> None:
    publisher = stage.publisher(profile=profile)
    receiver = stage.receiver(publisher, profile=profile)

    for number in range(5):
        publisher.send(number, b"sound %d" % number, timestamp=number * 960, marker=number == 0)

    packets = await receiver.peer.next_packets(5)
    assert [packet.payload for packet in packets] == [b"sound %d" % n for n in range(5)]
    assert [packet.marker for packet in packets] == [True, False, False, False, False]
    assert {packet.ssrc for packet in packets} == {receiver.spec.ssrc}
    assert {packet.payload_type for packet in packets} == {RECEIVER_OPUS.payload_type}
    assert receiver.peer.unreadable == 0


@pytest.mark.parametrize("first", [0, 1, 32_767, 32_768, 65_534, 65_535])
async def test_numbers_start_low_and_keep_the_publishers_gaps(stage: Stage, first: int) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)

    for step in (0, 1, 4, 5):
        publisher.send(first + step, timestamp=0xFFFFFC00 + step * 960)

    packets = await receiver.peer.next_packets(4)
    start = packets[0].sequence
    assert start < 32_768
    assert [packet.sequence - start for packet in packets] == [0, 1, 4, 5]
    steps = [(p.timestamp - packets[0].timestamp) & 0xFFFFFFFF for p in packets]
    assert steps == [0, 960, 3840, 4800]


async def test_a_packet_that_was_overtaken_takes_its_own_place(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)

    for number in (10, 12, 11):
        publisher.send(number, b"%d" % number)

    packets = await receiver.peer.next_packets(3)
    assert [packet.payload for packet in packets] == [b"10", b"12", b"11"]
    assert packets[2].sequence == packets[0].sequence + 1


async def test_a_packet_from_before_a_receiver_joined_is_not_for_it(stage: Stage) -> None:
    publisher = stage.publisher()
    early = stage.receiver(publisher)
    publisher.send(10, b"10")
    await early.peer.next_packet()
    joining = stage.receiver(publisher)

    for number in (12, 11, 13):
        publisher.send(number, b"%d" % number)

    assert [p.payload for p in await early.peer.next_packets(3)] == [b"12", b"11", b"13"]
    assert [p.payload for p in await joining.peer.next_packets(2)] == [b"12", b"13"]


async def test_fifty_receivers_each_get_every_packet(stage: Stage) -> None:
    publisher = stage.publisher()
    receivers = [stage.receiver(publisher) for _ in range(50)]

    for number in range(20):
        publisher.send(number, b"%d" % number)

    for receiver in receivers:
        packets = await receiver.peer.next_packets(20)
        assert [packet.payload for packet in packets] == [b"%d" % n for n in range(20)]
    assert stage.engine.stats.packets_forwarded == 1_000


async def test_a_receiver_gets_its_own_extensions_and_no_others(stage: Stage) -> None:
    publisher = stage.publisher()
    everything = stage.receiver(publisher)
    nothing = stage.receiver(publisher, extensions=Extensions())
    sent = {MID: b"0", LEVEL: b"\x9e", TIME: b"\x01\x02\x03", 14: b"unknown"}

    publisher.send(1, elements=sent)
    publisher.send(2, elements={TIME: b"\x01\x02\x03"})

    with_level, without = await everything.peer.next_packets(2)
    assert with_level.elements == {9: b"v7", 10: b"\x9e", 11: with_level.elements[11]}
    assert with_level.elements[11] != b"\x01\x02\x03"
    assert set(without.elements) == {9, 11}
    assert (await nothing.peer.next_packet()).elements == {}


async def test_padding_ends_here(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    padded = bytearray(rtp(1, b"sound\x00\x00\x03", payload_type=111))
    padded[0] |= 0x20

    publisher.peer.send(bytes(padded))

    assert (await receiver.peer.next_packet()).payload == b"sound"


async def test_video_starts_with_a_keyframe_which_is_asked_for(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)

    publisher.send(1, INTERFRAME)
    publisher.send(2, KEYFRAME)
    publisher.send(3, INTERFRAME)

    packets = await receiver.peer.next_packets(2)
    assert [packet.payload for packet in packets] == [KEYFRAME, INTERFRAME]
    assert stage.engine.stats.keyframe_requests_sent == 1


async def test_vp8_without_picture_ids_is_played_too(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)

    publisher.send(1, b"\x10\x11an interframe")
    publisher.send(2, b"\x10\x10a keyframe")

    assert (await receiver.peer.next_packet()).payload == b"\x10\x10a keyframe"


async def test_a_keyframe_whose_start_was_overtaken_is_played_whole(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    watching = stage.receiver(publisher)
    publisher.send(1, KEYFRAME)
    await watching.peer.next_packet()
    joining = stage.receiver(publisher)

    rest = b"\x80\x80\x80\x05the rest"
    publisher.send(2, INTERFRAME)
    publisher.send(4, rest)
    publisher.send(3, KEYFRAME)

    packets = await joining.peer.next_packets(2)
    assert sorted((packet.sequence, packet.payload) for packet in packets) == [
        (packets[0].sequence, KEYFRAME),
        (packets[0].sequence + 1, rest),
    ]


async def test_h264_goes_out_under_the_payload_type_of_its_packetization_mode(
    stage: Stage,
) -> None:
    publisher = stage.publisher(H264)
    plain = Codec("H264", 40, 90_000, parameters="packetization-mode=0;profile-level-id=42e01f")
    other = Codec("H264", 41, 90_000, parameters="packetization-mode=1;profile-level-id=640c1f")
    same = Codec("H264", 42, 90_000, parameters="profile-level-id=42e034;packetization-mode=1")
    receiver = stage.receiver(publisher, codecs=(RECEIVER_VP8, plain, other, same))

    publisher.send(1, b"\x67\x42\x00")

    assert (await receiver.peer.next_packet()).payload_type == 42


async def test_a_codec_the_receiver_did_not_negotiate_is_not_sent(stage: Stage) -> None:
    publisher = stage.publisher(H264)
    unable = stage.receiver(publisher, codecs=(RECEIVER_VP8,))
    able = stage.receiver(publisher, codecs=(H264,))

    publisher.send(1, b"\x67\x42\x00")

    await able.peer.next_packet()
    assert unable.peer.datagrams == []


async def test_nothing_of_a_muted_source_passes_and_it_resumes(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    publisher.send(1, b"heard")
    first = await receiver.peer.next_packet()

    stage.engine.mute_source(publisher.source, True)
    publisher.send(2, b"private")
    await asyncio.sleep(QUIET)
    stage.now += 2.0
    stage.engine.mute_source(publisher.source, False)
    publisher.send(3, b"heard again", timestamp=777)

    again = await receiver.peer.next_packet()
    assert again.payload == b"heard again"
    assert again.sequence == first.sequence + 1
    assert again.timestamp - first.timestamp == 2 * OPUS.clock_rate
    assert stage.engine.source_stats(publisher.source).packets == 3


async def test_a_paused_forward_is_silent_while_others_play(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    paused, playing = stage.receiver(publisher), stage.receiver(publisher)
    publisher.send(1, KEYFRAME)
    first = await paused.peer.next_packet()

    stage.engine.pause_forward(paused.forward, True)
    publisher.send(2, INTERFRAME)
    await playing.peer.next_packets(2)
    stage.engine.pause_forward(paused.forward, False)
    publisher.send(3, INTERFRAME)
    publisher.send(4, KEYFRAME)

    again = await paused.peer.next_packet()
    assert again.sequence == first.sequence + 1
    assert again.payload.endswith(KEYFRAME[4:])


async def test_a_removed_source_leaves_its_receivers_silent_and_others_playing(
    stage: Stage,
) -> None:
    going, staying = stage.publisher(), stage.publisher()
    receiver = stage.receiver(going)
    other = stage.receiver(staying)

    stage.engine.remove_source(going.source)
    going.send(1, b"unwanted")
    staying.send(1, b"wanted")

    assert (await other.peer.next_packet()).payload == b"wanted"
    assert receiver.peer.datagrams == []
    stage.engine.feed(receiver.forward, staying.source)
    staying.send(2, b"also here")
    assert (await receiver.peer.next_packet()).payload == b"also here"


async def test_a_closed_leg_takes_all_that_was_its(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)

    stage.engine.close_leg(receiver.leg)
    stage.engine.close_leg(publisher.leg)

    for call in (
        lambda: stage.engine.source_stats(publisher.source),
        lambda: stage.engine.feed(receiver.forward, None),
        lambda: stage.engine.close_leg(publisher.leg),
    ):
        with pytest.raises(KeyError):
            call()


async def test_a_peer_that_moved_is_served_where_it_is_now(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    publisher.send(1)
    first = await receiver.peer.next_packet()
    elsewhere = stage.peer()

    stage.engine.move_leg(receiver.leg, elsewhere.address)
    publisher.send(2)

    await elsewhere.until(lambda: bool(elsewhere.datagrams))
    assert len(receiver.peer.datagrams) == 1
    again = receiver.peer._in.unprotect(elsewhere.datagrams[0])
    assert int.from_bytes(again[2:4], "big") == first.sequence + 1


async def test_a_peer_is_heard_from_every_address_it_proved_until_that_is_dismissed(
    stage: Stage,
) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    elsewhere = stage.peer()
    stage.engine.hear_leg(publisher.leg, elsewhere.address)

    elsewhere.send_raw(
        publisher.peer._out.protect(rtp(1, b"from there", ssrc=publisher.ssrc, payload_type=111))
    )
    heard = await receiver.peer.next_packet()
    publisher.send(2)
    await receiver.peer.next_packet()
    stage.engine.dismiss(elsewhere.address)
    elsewhere.send_raw(publisher.peer._out.protect(rtp(3, b"not heard", ssrc=publisher.ssrc)))
    publisher.send(4, b"from home")
    last = await receiver.peer.next_packet()

    assert (heard.payload, last.payload) == (b"from there", b"from home")
    assert stage.engine.stats.dropped_unknown_source == 1


async def test_an_ssrc_is_never_sent_twice_under_one_key(stage: Stage) -> None:
    receiver = stage.receiver()
    stage.engine.remove_forward(receiver.forward)

    with pytest.raises(ValueError, match="SSRC"):
        stage.engine.add_forward(receiver.leg, receiver.spec)


async def test_what_the_kernel_refuses_is_dropped_and_the_rest_sent(stage: Stage) -> None:
    publisher = stage.publisher()
    before, refused, after = (stage.receiver(publisher) for _ in range(3))
    publisher.send(1)
    await after.peer.next_packet()

    # A broadcast address is refused to a socket that has not asked for it.
    stage.engine.move_leg(refused.leg, ("255.255.255.255", 9))
    publisher.send(2, b"goes on")

    await before.peer.next_packet()
    assert (await before.peer.next_packet()).payload == b"goes on"
    assert (await after.peer.next_packet()).payload == b"goes on"
    assert stage.engine.stats.dropped_send == 1
    assert stage.engine.stats.packets_forwarded == 5
