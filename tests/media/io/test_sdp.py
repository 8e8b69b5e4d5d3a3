"""What we make of offers: good ones, strange ones, and ones made to hurt."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.sdp import SessionDescription

from infra.contract.refusals import Reason, Refused
from media.io.answer import Ground, Part, Receiving, Sending, write_answer
from media.io.sdp import Credentials, Fingerprint, check_candidate, read_offer

FINGERPRINT = "AB:" * 31 + "AB"
SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
TRANSPORT = [
    "a=ice-ufrag:abcd",
    "a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
    "a=setup:actpass",
]
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=sendonly",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=rtpmap:9 G722/8000",
    "a=ssrc:1001 cname:c",
]
VIDEO = [
    "m=video 9 UDP/TLS/RTP/SAVPF 98 99 102 103 108 109 96 97",
    "c=IN IP4 0.0.0.0",
    "a=mid:1",
    "a=sendonly",
    "a=rtcp-mux",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    f"a=extmap:5 {TRANSPORT_CC}",
    "a=extmap:17 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "a=rtpmap:98 VP9/90000",
    "a=rtpmap:99 rtx/90000",
    "a=fmtp:99 apt=98",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f",
    "a=rtpmap:103 rtx/90000",
    "a=fmtp:103 apt=102",
    "a=rtpmap:108 H264/90000",
    "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtpmap:109 rtx/90000",
    "a=fmtp:109 apt=108",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 goog-remb",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 ccm fir",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=ssrc-group:FID 2001 2002",
    "a=ssrc:2001 cname:c",
    "a=ssrc:2002 cname:c",
]


def sdp(*sections: list[str], group: str | None = "BUNDLE 0 1") -> str:
    session = SESSION + ([f"a=group:{group}"] if group else [])
    lines = session + [line for section in sections for line in (*section, *TRANSPORT)]
    return "\r\n".join(lines) + "\r\n"


def without(section: list[str], start: str) -> list[str]:
    return [line for line in section if not line.startswith(start)]


def refusal(text: str) -> str:
    with pytest.raises(Refused) as no:
        read_offer(text)
    assert no.value.refusal.reason is Reason.BAD_DESCRIPTION
    return no.value.refusal.detail or ""


def answer(text: str, part: Callable[[str], Part]) -> str:
    offer = read_offer(text)
    ground = Ground(
        session=5,
        version=1,
        credentials=Credentials("podufrag", "p" * 24),
        fingerprints=(Fingerprint("sha-256", FINGERPRINT),),
        addresses=(("192.0.2.1", 4000), ("192.0.2.2", 4000)),
    )
    return write_answer(offer, ground, {line.mid: part(line.mid) for line in offer.usable})


def sending(mid: str) -> Sending:
    return Sending(100 + int(mid), 200 + int(mid) if mid == "1" else None, "us", "stream")


def test_of_what_a_browser_offers_we_take_what_everybody_decodes() -> None:
    audio, video = read_offer(sdp(AUDIO, VIDEO)).lines

    assert [codec.name for codec in audio.codecs] == ["OPUS"]
    assert [(c.name, c.payload_type, c.rtx_payload_type) for c in video.codecs] == [
        ("VP8", 96, 97),
        ("H264", 108, 109),
    ]


def test_ssrcs_repairs_and_extensions_are_read() -> None:
    audio, video = read_offer(sdp(AUDIO, VIDEO)).lines

    assert (audio.ssrcs, audio.rtx_ssrcs) == ((1001,), {})
    assert (video.ssrcs, video.rtx_ssrcs) == ((2001,), {2002: 2001})
    assert (audio.extensions.mid, audio.extensions.audio_level) == (4, 1)
    assert (video.extensions.abs_send_time, video.extensions.transport_cc) == (3, 5)


def test_transport_wide_feedback_needs_both_its_extension_and_its_feedback_line() -> None:
    video = without(VIDEO, "a=rtcp-fb:96 transport-cc")

    assert read_offer(sdp(AUDIO, video)).lines[1].extensions.transport_cc is None


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (["m=audio 9 UDP/TLS/RTP/SAVPF 9", *AUDIO[1:]], "no audio codec in common"),
        (["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:0"], "application"),
        (["m=audio 9 RTP/AVP 111", *AUDIO[1:]], "RTP/AVP"),
        (["m=audio 0 UDP/TLS/RTP/SAVPF 111", *AUDIO[1:]], "stopped"),
        (without(AUDIO, "a=rtcp-mux"), "rtcp-mux"),
    ],
)
def test_an_m_line_we_cannot_use_is_turned_down_by_itself(broken: list[str], why: str) -> None:
    offer = read_offer(sdp(broken, VIDEO))

    assert why in str(offer.lines[0].trouble)
    assert offer.lines[1].usable
    text = answer(sdp(broken, VIDEO), lambda _: Receiving())
    assert f"{broken[0].split()[0]} 0 " in text
    assert "a=group:BUNDLE 1\r\n" in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "v=0"),
        ("hello", "v=0"),
        ("v=0\r\n", "no m-line"),
        (sdp(AUDIO, VIDEO, group=None), "BUNDLE"),
        (sdp(AUDIO, AUDIO), "share an a=mid"),
        (sdp(AUDIO, [*without(VIDEO, "a=mid"), "a=mid:0"]), "share an a=mid"),
        (sdp(AUDIO, [*VIDEO, "a=ssrc:1001 cname:c"]), "share an SSRC"),
        (sdp(without(AUDIO, "a=rtpmap:111"), group="BUNDLE 0"), "no m-line can be used"),
        (sdp(AUDIO).replace("sha-256", "sha-1"), "fingerprint"),
        (sdp(AUDIO).replace("sha-256", "md5"), "fingerprint"),
        (sdp(AUDIO).replace("a=fingerprint", "a=x"), "fingerprint"),
        (sdp(AUDIO).replace("a=ice-pwd", "a=x"), "ice-pwd"),
        (sdp(AUDIO).replace("actpass", "holdconn"), "setup"),
        (sdp([*AUDIO, *(["a=candidate:1 1 udp 1 192.0.2.1 1 typ host"] * 33)]), "candidates"),
        (sdp(*([AUDIO] * 65)), "64 m-lines"),
        (sdp([*AUDIO, "a=x:" + "é" * 40_000]), "65536 bytes"),
    ],
)
def test_an_offer_that_cannot_be_used_is_refused_with_the_reason(text: str, why: str) -> None:
    assert why in refusal(text)


def test_five_thousand_candidates_are_refused_in_no_time() -> None:
    candidates = [f"a=candidate:{n} 1 udp 1 192.0.2.1 {n} typ host" for n in range(5_000)]
    began = time.perf_counter()

    refusal(sdp([*AUDIO, *candidates]))

    assert time.perf_counter() - began < 0.05


def test_the_longest_description_allowed_is_read_in_no_time() -> None:
    worst = [
        "a=fmtp:111 " + "apt=1;" * 160,
        "a=rtpmap:111 opus/48000/2 ",
        "a=extmap:1 " + "x" * 200,
        "a=ssrc-group:FID 1 2",
        "a=rtcp-fb:* " + " " * 60,
        "a=fingerprint:sha-256 " + "AB:" * 63,
    ]
    filler = worst * (63_000 // sum(len(line) + 2 for line in worst) - 1)
    text = sdp([*AUDIO, *filler], group="BUNDLE 0")
    assert 55_000 < len(text) <= 65_536
    began = time.perf_counter()

    read_offer(text)

    assert time.perf_counter() - began < 0.1


def test_whatever_a_description_is_mutated_into_the_worst_answer_is_no() -> None:
    dice = random.Random(4566)
    good = sdp(AUDIO, VIDEO)
    lines = good.split("\r\n")

    def mutated() -> str:
        kind = dice.randrange(5)
        if kind == 0:
            text = list(good)
            for _ in range(dice.randint(1, 20)):
                text[dice.randrange(len(text))] = chr(dice.choice([0, 10, 13, 32, 58, 255, 0x663]))
            return "".join(text)
        if kind == 1:
            return good[: dice.randrange(len(good))]
        chosen = lines.copy()
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(chosen))
            if kind == 2:
                chosen.insert(at, dice.choice(lines))
            elif kind == 3:
                chosen[at] = chosen[at].replace(
                    dice.choice("0123456789:= "), dice.choice(["", "-1", "9" * 40, "٣", " "])
                )
            else:
                del chosen[at]
                chosen = chosen or [""]
        return "\r\n".join(chosen)

    outcomes = {"read": 0, "refused": 0}
    for _ in range(3_000):
        text = mutated()
        try:
            answer(text, lambda _: Receiving())
            outcomes["read"] += 1
        except Refused as no:
            assert no.refusal.reason is Reason.BAD_DESCRIPTION
            outcomes["refused"] += 1

    assert min(outcomes.values()) > 300


def test_no_line_of_an_offer_gets_into_the_answer_as_another_line() -> None:
    text = sdp([*AUDIO, "a=fmtp:111 x=1\ra=ice-lite\x0ba=candidate:evil\u2028m=evil"])

    read = answer(text, lambda _: Receiving())

    assert "evil" not in read


def test_an_answer_to_a_publisher_says_that_we_only_receive() -> None:
    text = answer(sdp(AUDIO, VIDEO), lambda _: Receiving())

    assert text.count("a=recvonly") == 2
    assert "a=ssrc" not in text
    assert text.count("a=setup:passive") == 2
    for line in ("a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 transport-cc", "a=fmtp:97 apt=96"):
        assert line + "\r\n" in text
    assert "goog-remb" not in text
    assert f"a=extmap:5 {TRANSPORT_CC}" in text
    assert "sdes:rtp-stream-id" not in text


def test_an_answer_to_a_subscriber_names_what_we_send() -> None:
    offer = sdp(AUDIO, VIDEO).replace("sendonly", "recvonly")

    text = answer(offer, sending)

    assert text.count("a=sendonly") == 2
    assert "a=ssrc-group:FID 101 201\r\n" in text
    assert "a=ssrc:100 cname:us\r\n" in text
    assert "a=msid:stream stream-1\r\n" in text


def test_an_answer_offers_every_address_the_first_one_first() -> None:
    text = answer(sdp(AUDIO, VIDEO), lambda _: Receiving())

    media = SessionDescription.parse(text).media[0]

    hosts = [(c.ip, c.port) for c in sorted(media.ice_candidates, key=lambda c: -c.priority)]
    assert hosts == [("192.0.2.1", 4000), ("192.0.2.2", 4000)]
    assert media.ice_candidates_complete


def test_a_client_that_insists_on_being_the_server_is_let() -> None:
    text = answer(sdp(AUDIO).replace("actpass", "passive"), lambda _: Receiving())

    assert "a=setup:active" in text


async def test_another_implementation_accepts_our_answer() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio", direction="recvonly")
    pc.addTransceiver("video", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())

    text = answer(pc.localDescription.sdp, sending)

    media = SessionDescription.parse(text).media
    assert [m.direction for m in media] == ["sendonly", "sendonly"]
    assert media[1].ssrc[1].ssrc == 201
    await pc.close()


@pytest.mark.parametrize(
    "candidate",
    [
        "candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 10.0.0.1 rport 4",
        "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0",
        "a=candidate:1 1 UDP 2 8a1b2c.local 5000 typ host",
        "",
        None,
    ],
)
def test_candidates_of_any_client_are_fine(candidate: str | None) -> None:
    check_candidate(candidate)


@pytest.mark.parametrize("candidate", ["nonsense", "candidate:1", "candidate:1 1 udp x y z typ q"])
def test_what_is_no_candidate_is_refused(candidate: str) -> None:
    with pytest.raises(Refused):
        check_candidate(candidate)
