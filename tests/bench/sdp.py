"""The descriptions the load generator offers and answers: VP8 with RTX, NACK, PLI, transport-cc."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

VP8, RTX = 96, 97
MID_ID, SEND_TIME_ID, TRANSPORT_CC_ID = 1, 3, 5


@dataclass(frozen=True)
class Ends:
    """What a description says about ICE and DTLS."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[tuple[str, int, str, int], ...]
    "Foundation, priority, address, port."


def write(ends: Ends, *, setup: str, direction: str, mid: str, ssrc: int | None = None) -> str:
    """One bundled video m-line; `ssrc` and `ssrc + 1` (its RTX) when it sends."""
    lines = [
        "v=0",
        f"o=- {random.getrandbits(62)} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mid}",
        "a=msid-semantic: WMS *",
        f"m=video 9 UDP/TLS/RTP/SAVPF {VP8} {RTX}",
        "c=IN IP4 127.0.0.1",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ends.ufrag}",
        f"a=ice-pwd:{ends.password}",
        f"a=fingerprint:sha-256 {ends.fingerprint}",
        f"a=setup:{setup}",
        f"a=mid:{mid}",
        f"a=extmap:{MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid",
        f"a=extmap:{SEND_TIME_ID} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        f"a=extmap:{TRANSPORT_CC_ID} "
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        f"a={direction}",
        "a=rtcp-mux",
        f"a=rtpmap:{VP8} VP8/90000",
        *(f"a=rtcp-fb:{VP8} {kind}" for kind in ("nack", "nack pli", "ccm fir", "transport-cc")),
        f"a=rtpmap:{RTX} rtx/90000",
        f"a=fmtp:{RTX} apt={VP8}",
    ]
    if ssrc:
        lines.append(f"a=ssrc-group:FID {ssrc} {ssrc + 1}")
        for each in (ssrc, ssrc + 1):
            lines += [f"a=ssrc:{each} cname:load", f"a=ssrc:{each} msid:load video"]
    lines += [
        f"a=candidate:{foundation} 1 udp {priority} {host} {port} typ host"
        for foundation, priority, host, port in ends.candidates
    ]
    return "\r\n".join([*lines, "a=end-of-candidates", ""])


def read(text: str) -> Ends:
    """What the other side said, loopback candidates only."""
    found = re.findall(r"a=candidate:(\S+) 1 udp (\d+) (\S+) (\d+) typ host", text, re.IGNORECASE)
    return Ends(
        ufrag=_first(r"a=ice-ufrag:(\S+)", text),
        password=_first(r"a=ice-pwd:(\S+)", text),
        fingerprint=_first(r"(?i)a=fingerprint:sha-256 (\S+)", text),
        candidates=tuple(
            dict.fromkeys((f, int(p), h, int(port)) for f, p, h, port in found if h == "127.0.0.1")
        ),
    )


def rtx_payload_type(text: str) -> int:
    return int(_first(r"a=rtpmap:(\d+) rtx/90000", text))


def role_against(answer: str) -> str:
    """Our DTLS role when the other side answered so (RFC 8842, section 5)."""
    return "server" if _first(r"a=setup:(\S+)", answer) == "active" else "client"


def mid(text: str) -> str:
    return _first(r"a=mid:(\S+)", text)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"no {pattern} in the description:\n{text}")
    return found[1]
