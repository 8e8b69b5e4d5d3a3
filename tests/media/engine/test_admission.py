"""Who is let in, and what comes of those who are not, or who misbehave once they are."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest
from pylibsrtp import Error

from media.core import rtcp
from media.engine.parts import PACKETS_PER_SECOND, RTCP_WORD
from media.engine.port import Address, SourceSpec, SrtpKeys, SrtpProfile, TapPacket
from media.engine.reference import ReferenceEngine
from tests.media.engine.stage import (
    EXTENSIONS,
    INTERFRAME,
    KEYFRAME,
    MID,
    OPUS,
    RECEIVER_VP8,
    VP8,
    Control,
    Stage,
)
from tests.support.rtp_peer import QUIET, rtp

DTLS_HELLO = b"\x16\xfe\xff" + bytes(60)
STUN_CHECK = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


async def test_stun_goes_up_from_anywhere_and_dtls_only_from_the_admitted(stage: Stage) -> None:
    known, unknown = stage.peer(), stage.peer()
    stage.engine.admit(known.address)

    for peer in (unknown, known):
        peer.send_raw(DTLS_HELLO)
        peer.send_raw(STUN_CHECK)
    await stage.control.told(3)

    assert stage.control.stun == [(STUN_CHECK, unknown.address), (STUN_CHECK, known.address)]
    assert stage.control.dtls == [(DTLS_HELLO, known.address)]
    assert stage.engine.stats.dropped_unknown_source == 1


async def test_a_dismissed_address_is_no_longer_heard(stage: Stage) -> None:
    peer = stage.peer()
    stage.engine.admit(peer.address)
    stage.engine.dismiss(peer.address)

    peer.send_raw(DTLS_HELLO)
    peer.send_raw(STUN_CHECK)
    await stage.control.told(1)

    assert stage.control.dtls == []


async def test_datagrams_go_out_as_they_are_and_names_are_not_looked_up(stage: Stage) -> None:
    peer = stage.peer()

    stage.engine.send(b"\x16 a flight", peer.address)
    stage.engine.send(b"\x16 lost", ("example.invalid", 9))
    stage.engine.send(b"\x16 lost", ("127.0.0.1", 70_000))

    await peer.until(lambda: bool(peer.datagrams))
    assert peer.datagrams == [b"\x16 a flight"]
    assert stage.engine.stats.dropped_send == 2


async def test_empty_datagrams_and_junk_disturb_nobody(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    chance = random.Random(1)

    for peer in (stage.peer(), publisher.peer, receiver.peer):
        peer.send_raw(b"")
        for _ in range(50):
            peer.send_raw(chance.randbytes(chance.randrange(1, 60)))
    publisher.send(1, b"still here")

    assert (await receiver.peer.next_packet()).payload == b"still here"
    assert stage.engine.stats.dropped_empty == 3
    assert len(receiver.peer.datagrams) == 1


async def test_media_from_an_address_without_a_leg_is_dropped(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    spoof = stage.peer()

    stolen = publisher.send(1, b"genuine")
    await receiver.peer.next_packet()
    spoof.send_raw(stolen)
    spoof.send_raw(rtp(2, b"plain"))
    spoof.send_raw(rtcp.picture_loss_indication(1, receiver.spec.ssrc))
    publisher.send(3, b"genuine too")

    assert (await receiver.peer.next_packet()).payload == b"genuine too"
    assert stage.engine.stats.dropped_unknown_source == 3
    assert spoof.datagrams == []


async def test_replayed_and_plain_packets_are_not_forwarded_or_tapped(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    tapped: list[TapPacket] = []
    stage.engine.tap(publisher.source, tapped.append)

    once = publisher.send(1, b"once")
    publisher.peer.send_raw(once)
    publisher.peer.send_raw(rtp(2, b"plain", payload_type=111))
    publisher.peer.send_raw(once[:-1] + bytes((once[-1] ^ 1,)))
    publisher.send(3, b"twice")

    assert [p.payload for p in await receiver.peer.next_packets(2)] == [b"once", b"twice"]
    assert [packet.payload for packet in tapped] == [b"once", b"twice"]
    assert stage.engine.stats.dropped_unauthentic == 3


async def test_one_participant_cannot_speak_for_another(stage: Stage) -> None:
    publisher, impostor = stage.publisher(), stage.publisher(ssrc=2222)
    receiver = stage.receiver(publisher)

    impostor.peer.send(rtp(1, b"forged", ssrc=publisher.ssrc, payload_type=OPUS.payload_type))
    publisher.send(1, b"genuine")

    assert (await receiver.peer.next_packet()).payload == b"genuine"
    assert stage.engine.stats.dropped_unroutable == 1


async def test_an_unannounced_ssrc_is_known_by_its_mid(stage: Stage) -> None:
    sound = stage.publisher(mid="a", named=False)
    more = stage.publisher(mid="b", ssrc=2222, named=False, beside=sound)
    receiver = stage.receiver(more)

    sound.send(1, b"of a", elements={MID: b"a"})
    more.send(1, b"of b", elements={MID: b"b"})
    more.send(2, b"of b too")

    assert [p.payload for p in await receiver.peer.next_packets(2)] == [b"of b", b"of b too"]


async def test_an_unannounced_ssrc_without_a_mid_must_have_a_payload_type_of_its_own(
    stage: Stage,
) -> None:
    sound = stage.publisher(named=False)
    picture = stage.publisher(VP8, mid="1", ssrc=2222, named=False, beside=sound)
    hearing, seeing = stage.receiver(sound), stage.receiver(picture)

    sound.send(1, b"sound")
    picture.send(1, KEYFRAME)

    assert (await hearing.peer.next_packet()).payload == b"sound"
    assert (await seeing.peer.next_packet()).payload == KEYFRAME
    stage.publisher(mid="2", ssrc=4444, named=False, beside=sound)
    sound.peer.send(rtp(1, b"whose?", ssrc=4444, payload_type=OPUS.payload_type))
    sound.send(2, b"sound")
    await hearing.peer.next_packet()
    assert stage.engine.stats.dropped_unroutable == 1


async def test_a_second_ssrc_takes_over_only_when_the_first_is_silent(stage: Stage) -> None:
    publisher = stage.publisher(named=False)
    receiver = stage.receiver(publisher)
    publisher.send(1, b"first", elements={MID: b"0"})
    first = await receiver.peer.next_packet()

    def other(sequence: int, payload: bytes) -> None:
        publisher.peer.send(
            rtp(sequence, payload, ssrc=2222, payload_type=111, elements={MID: b"0"})
        )

    other(2, b"interrupting")
    await asyncio.sleep(QUIET)
    stage.now += 1.5
    other(9_001, b"taking over")

    packet = await receiver.peer.next_packet()
    assert packet.payload == b"taking over"
    assert packet.sequence == first.sequence + 1


async def test_an_ssrc_flood_leaves_its_sender_as_it_was(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)

    flood = [publisher.peer.send(rtp(1, b"flood", ssrc=ssrc)) for ssrc in range(10_000, 10_400)]
    for ssrc in range(10_000, 10_400):
        publisher.peer.send_rtcp(rtcp.receiver_report(ssrc))
    # Its replay goes unrecognised: nothing is remembered of so old a stranger.
    publisher.peer.send_raw(flood[0])
    publisher.send(1, b"still heard")

    assert (await receiver.peer.next_packet()).payload == b"still heard"
    assert stage.engine.stats.dropped_unauthentic == 0
    publisher.peer.send_raw(flood[-1])
    publisher.send(2, b"and again")
    assert (await receiver.peer.next_packet()).payload == b"and again"
    assert stage.engine.stats.dropped_unauthentic == 1


async def test_a_peer_that_floods_is_held_to_its_share_and_nobody_else_notices(
    stage: Stage,
) -> None:
    greedy, good = stage.publisher(ssrc=666), stage.publisher()
    receiver, watching = stage.receiver(greedy), stage.receiver(good)
    tapped: list[TapPacket] = []
    stage.engine.tap(greedy.source, tapped.append)

    for step in range(3_000):
        stage.now += 0.000_05
        greedy.send(step)
        if step % 100 == 0:
            good.send(step // 100)
            await asyncio.sleep(0)
    good.send(30)
    await watching.peer.next_packets(31)

    assert len(tapped) == pytest.approx(1.1 * PACKETS_PER_SECOND, abs=0.1 * PACKETS_PER_SECOND)
    assert stage.engine.stats.dropped_flood == 3_000 - len(tapped)
    stage.now += 1.0
    greedy.send(3_000, b"in peace")
    await receiver.peer.packet_with(b"in peace")


async def test_a_storm_of_long_reports_is_heard_out_only_so_far(stage: Stage) -> None:
    publisher = stage.publisher(VP8)
    receiver = stage.receiver(publisher)
    publisher.send(1, KEYFRAME)
    await receiver.peer.next_packet()
    everything = rtcp.negative_acknowledgement(1, receiver.spec.ssrc, range(0, 5_000, 17))

    for step in range(200):
        receiver.peer.send_rtcp(everything)
        if step % 50 == 0:
            await asyncio.sleep(0)
    publisher.send(2, INTERFRAME)
    await receiver.peer.next_packet()

    stats = stage.engine.stats
    assert stats.nacks_received == PACKETS_PER_SECOND // (1 + len(everything) // RTCP_WORD)
    assert stats.nacks_received + stats.dropped_flood == 200


async def test_a_failure_of_the_negotiator_stops_no_packets(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    stage.control.fails = True

    for _ in range(100):
        publisher.peer.send_raw(STUN_CHECK)
    publisher.send(1, b"goes on")

    assert (await receiver.peer.next_packet()).payload == b"goes on"
    assert stage.engine.stats.failures == 100
    assert len(caplog.records) == 1


async def test_a_failing_tap_stops_no_packets(stage: Stage) -> None:
    publisher = stage.publisher()
    receiver = stage.receiver(publisher)
    stage.control.fails = True

    def broken(packet: TapPacket) -> None:
        raise OSError("disk full")

    stage.engine.tap(publisher.source, broken)
    publisher.send(1)
    publisher.send(2)

    await receiver.peer.next_packets(2)
    assert stage.engine.stats.failures == 2


async def test_an_evil_participant_hurts_nobody_else(stage: Stage) -> None:
    """Ten thousand mutated RTP and as many RTCP packets, every one of them authentic."""
    evil = stage.publisher(VP8, rtx_ssrc=3333, ssrc=666)
    victim = stage.receiver(evil)
    evil_receiver = stage.receiver(evil, beside=None)
    good = stage.publisher(VP8)
    watching = stage.receiver(good)
    chance = random.Random(2)
    seeds = [
        rtp(1, KEYFRAME, ssrc=666, elements={MID: b"0", 2: b"\x30", 5: b"\x00\x01"}),
        rtp(2, b"\x00\x01" + INTERFRAME, ssrc=3333, payload_type=97),
        rtp(3, b"\x00", ssrc=3333, payload_type=97),
    ]
    reports = [
        rtcp.sender_report(rtcp.SenderReport(666, 1 << 60, 5, 6, 7)),
        rtcp.negative_acknowledgement(1, evil_receiver.spec.ssrc, range(60)),
        rtcp.picture_loss_indication(1, evil_receiver.spec.ssrc),
        bytes.fromhex("8fce0005 00000001 00000000 52454d42 01047d00 00000006"),
        rtcp.transport_feedback(1, 5, bytes.fromhex("0001ffff 00000100 ffff0000")),
        bytes.fromhex("81cb0001") + (666).to_bytes(4, "big"),
    ]
    number = refused = 0

    for step in range(10_000):
        packet = bytearray(chance.choice(seeds))
        packet[2:4] = (step & 0xFFFF).to_bytes(2, "big")
        for _ in range(chance.randrange(4)):
            at = chance.choice((0, 1, chance.randrange(12, len(packet)), len(packet) - 1))
            packet[at] = chance.randrange(256)
        # Still RTP, so that it gets past the door; the rest of both octets may lie.
        packet[0] = 0x80 | packet[0] & 0x3F
        packet[1] &= 0xBF if packet[1] & 0x60 == 0x40 else 0xFF
        compound = bytearray(chance.choice(reports))
        for _ in range(chance.randrange(4)):
            at = chance.choice((0, 3, chance.randrange(8, len(compound) + 1)))
            compound[min(at, len(compound) - 1)] = chance.randrange(256)
        for protect, data in ((evil.peer.send, packet), (evil_receiver.peer.send_rtcp, compound)):
            try:
                protect(bytes(data))
            except Error:
                refused += 1  # by the sender's own libsrtp
        if step % 20 == 0:
            stage.now += 0.02
            good.send(number, KEYFRAME if number == 0 else INTERFRAME)
            number += 1
            await asyncio.sleep(0)

    packets = await watching.peer.next_packets(number)
    assert [p.sequence - packets[0].sequence for p in packets] == list(range(number))
    assert watching.peer.unreadable == 0 and victim.peer.unreadable == 0
    assert {p.payload_type for p in packets} == {RECEIVER_VP8.payload_type}
    stats = stage.engine.stats
    assert stats.failures == 0
    assert stats.dropped_malformed > 1_000
    assert stats.packets_received > 7_000
    assert refused < 3_000


async def test_closing_twice_and_starting_twice(stage: Stage) -> None:
    with pytest.raises(RuntimeError):
        stage.engine.start(Control())

    stage.engine.close()
    stage.engine.close()

    with pytest.raises(RuntimeError):
        _ = stage.engine.local_address


async def test_a_closed_engine_frees_its_port(stage: Stage) -> None:
    host, port = stage.engine.local_address
    stage.engine.close()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, port))


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_keys_of_another_length_are_refused(stage: Stage, profile: SrtpProfile) -> None:
    with pytest.raises(ValueError, match="octets"):
        stage.engine.open_leg(("127.0.0.1", 9), SrtpKeys(profile, bytes(31), bytes(31)))


async def test_two_sources_of_a_leg_cannot_share_an_ssrc(stage: Stage) -> None:
    publisher = stage.publisher()

    with pytest.raises(ValueError, match="SSRC"):
        stage.engine.add_source(
            publisher.leg,
            SourceSpec("audio", "1", (OPUS,), ssrcs=(publisher.ssrc,), extensions=EXTENSIONS),
        )


async def test_the_engine_serves_ipv6_too() -> None:
    engine = ReferenceEngine("::1")
    control = Control()
    engine.start(control)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        peer.bind(("::1", 0))
        here: Address = ("::1", peer.getsockname()[1])
        engine.admit(here)

        peer.sendto(DTLS_HELLO, engine.local_address)
        await control.told(1)

    engine.close()
    assert control.dtls == [(DTLS_HELLO, here)]
