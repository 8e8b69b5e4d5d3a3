"""RTCP read from, and written for, another implementation; and rubbish."""

from __future__ import annotations

import random

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    pack_remb_fci,
)

from media.core import rtcp
from media.core.reception import ReportBlock
from media.core.rtp import Malformed

BLOCK = ReportBlock(5, 64, -3, 70_000, 12, 0x11223344, 65_536)
THEIRS = RtcpReceiverInfo(
    ssrc=5, fraction_lost=64, packets_lost=-3, highest_sequence=70_000, jitter=12,
    lsr=0x11223344, dlsr=65_536,
)  # fmt: skip


def test_a_compound_of_everything_is_read() -> None:
    data = b"".join(
        bytes(packet)
        for packet in (
            RtcpSrPacket(
                ssrc=1,
                sender_info=RtcpSenderInfo(
                    ntp_timestamp=2**63 + 5, rtp_timestamp=7, packet_count=8, octet_count=9
                ),
                reports=[THEIRS],
            ),
            RtcpRrPacket(ssrc=1, reports=[THEIRS]),
            RtcpSdesPacket(),
            bytes.fromhex("81cd0005 00000001 00000006 fffe0002 00030000 00280000"),
            RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=6),
            RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=bytes.fromhex("0000000701000000")),
            RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=pack_remb_fci(300_000, [6, 7])),
            RtcpByePacket(sources=[1, 2]),
        )
    )

    assert rtcp.read_compound(data) == [
        rtcp.SenderReport(1, 2**63 + 5, 7, 8, 9),
        rtcp.Reported(BLOCK),
        rtcp.Reported(BLOCK),
        rtcp.Lost(6, (65_534, 0, 3, 40)),
        rtcp.KeyframeWanted(6),
        rtcp.KeyframeWanted(7),
        rtcp.Bandwidth(300_000, (6, 7)),
        rtcp.Gone(1),
        rtcp.Gone(2),
    ]


def test_reports_are_written_as_others_read_them() -> None:
    sender, described, receiver = RtcpPacket.parse(
        rtcp.sender_report(rtcp.SenderReport(1, 2**63 + 5, 7, 8, 9))
        + rtcp.source_description(1, "a publisher")
        + rtcp.receiver_report(1, [BLOCK])
    )

    assert isinstance(sender, RtcpSrPacket)
    assert sender.sender_info.ntp_timestamp == 2**63 + 5
    assert (sender.sender_info.packet_count, sender.sender_info.octet_count) == (8, 9)
    assert isinstance(described, RtcpSdesPacket)
    assert described.chunks[0].items == [(1, b"a publisher")]
    assert isinstance(receiver, RtcpRrPacket)
    assert receiver.reports == [THEIRS]


@pytest.mark.parametrize("length", range(8))
def test_descriptions_fill_whole_words(length: int) -> None:
    data = rtcp.source_description(1, "n" * length)

    assert len(data) % 4 == 0
    (packet,) = RtcpPacket.parse(data)
    assert isinstance(packet, RtcpSdesPacket)
    assert packet.chunks[0].items == [(1, b"n" * length)]


@pytest.mark.parametrize(
    "wanted",
    [[0], [65_535, 65_536], [1, 2, 17, 18, 19, 100], [32_767, 32_768], list(range(10, 70)),
     [65_530, 65_536, 65_600]],
)  # fmt: skip
def test_requests_name_exactly_what_is_wanted(wanted: list[int]) -> None:
    nack, pli = RtcpPacket.parse(
        rtcp.negative_acknowledgement(1, 6, wanted) + rtcp.picture_loss_indication(1, 6)
    )

    assert isinstance(nack, RtcpRtpfbPacket)
    assert nack.lost == [sequence & 0xFFFF for sequence in wanted]
    assert isinstance(pli, RtcpPsfbPacket)
    assert (pli.fmt, pli.ssrc, pli.media_ssrc) == (1, 1, 6)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        bytes.fromhex("80c80006"),
        bytes.fromhex("00c90001 00000001"),
        bytes.fromhex("81c90001 00000001"),
        bytes.fromhex("80c80001 00000001"),
        bytes.fromhex("82cb0001 00000001"),
        bytes.fromhex("81cd0001 00000001"),
        bytes.fromhex("a0c90001 000000ff"),
        bytes.fromhex("a0c90001 00000000"),
        bytes.fromhex("8fce0004 00000001 00000000 52454d42 ff0fffff"),
        bytes.fromhex("8fce0003 00000001 00000000 52454d42"),
    ],
)
def test_counts_and_lengths_past_the_end_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        rtcp.read_compound(data)


def test_what_we_do_not_know_is_stepped_over() -> None:
    unknown = bytes.fromhex("80cf0001 00000001")
    transport_cc = rtcp.transport_feedback(1, 6, bytes(12))

    assert rtcp.read_compound(unknown + transport_cc + rtcp.picture_loss_indication(1, 6)) == [
        rtcp.KeyframeWanted(6)
    ]


def test_any_bytes_are_either_reports_or_malformed() -> None:
    chance = random.Random(9)
    seed = (
        rtcp.sender_report(rtcp.SenderReport(1, 2, 3, 4, 5))
        + rtcp.receiver_report(1, [BLOCK, BLOCK])
        + rtcp.negative_acknowledgement(1, 6, range(50))
        + bytes(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=pack_remb_fci(9, [6])))
    )

    for _ in range(20_000):
        data = bytearray(seed)
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            rtcp.read_compound(bytes(data[: chance.randrange(len(data))]))
        except Malformed:
            pass
