"""Writing an answer: the m-lines of an offer in their order, each with what we agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from media.engine.port import Address, Codec
from media.io.sdp import EXTENSION_URIS, Credentials, Fingerprint, MLine, Offer

HOST_PREFERENCE = 126
"Type preference of a host candidate (RFC 8445, section 5.1.2.2)."


@dataclass(frozen=True, slots=True)
class Receiving:
    """We take what the client sends on the line."""


@dataclass(frozen=True, slots=True)
class Sending:
    """We send on the line, under these numbers for as long as the connection lasts."""

    ssrc: int
    rtx_ssrc: int | None
    cname: str
    stream: str
    "Lines of one stream are played in step (RFC 8830)."


Part = Receiving | Sending | None
"What we do on one m-line; None: nothing, it stays idle."


@dataclass(frozen=True, slots=True)
class Ground:
    """Our end of the transport."""

    session: int
    version: int
    "Grows with every answer of one connection (RFC 3264, section 8)."
    credentials: Credentials
    fingerprints: tuple[Fingerprint, ...]
    addresses: tuple[Address, ...]
    "Where clients reach the media port, the best first. Never empty."


def write_answer(offer: Offer, ground: Ground, parts: Mapping[str, Part]) -> str:
    """`parts` says by mid what happens on each usable m-line."""
    mids = " ".join(line.mid for line in offer.usable)
    lines = [
        "v=0",
        f"o=- {ground.session} {ground.version} IN {_net(ground.addresses[0][0])}",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mids}",
        # RFC 8839, section 5.3: we answer checks and leave the rest to the client.
        "a=ice-lite",
        "a=msid-semantic: WMS *",
    ]
    for line in offer.lines:
        if line.usable:
            lines += _agreed(offer, line, ground, parts.get(line.mid))
        else:
            lines += _turned_down(offer, line, ground)
    return "\r\n".join(lines) + "\r\n"


def _turned_down(offer: Offer, line: MLine, ground: Ground) -> list[str]:
    """RFC 3264, section 6: port 0. Some clients want a transport described all the same."""
    lines = [
        f"m={line.kind} 0 {line.protocol} {' '.join(line.formats)}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
    ]
    if line.mid:
        lines.append(f"a=mid:{line.mid}")
    return lines + _transport(offer, ground)


def _agreed(offer: Offer, line: MLine, ground: Ground, part: Part) -> list[str]:
    host, port = ground.addresses[0]
    formats = [str(pt) for codec in line.codecs for pt in _payload_types(codec)]
    lines = [
        f"m={line.kind} {port} {line.protocol} {' '.join(formats)}",
        f"c=IN {_net(host)}",
        f"a=rtcp:9 IN {_net(host)}",
        f"a={_direction(part)}",
        f"a=mid:{line.mid}",
    ]
    if isinstance(part, Sending):
        lines.append(f"a=msid:{part.stream} {part.stream}-{line.mid}")
    lines.append("a=rtcp-mux")
    if line.reduced_rtcp:
        lines.append("a=rtcp-rsize")
    lines += _transport(offer, ground)
    lines += [_candidate(n, address) for n, address in enumerate(ground.addresses)]
    lines.append("a=end-of-candidates")
    for field in fields(line.extensions):
        number = getattr(line.extensions, field.name)
        if number is not None:
            lines.append(f"a=extmap:{number} {_URI_OF[field.name]}")
    for codec in line.codecs:
        lines += _codec(line, codec)
    if isinstance(part, Sending):
        lines += _ssrcs(part)
    return lines


_URI_OF = {name: uri for uri, name in EXTENSION_URIS.items()}


def _direction(part: Part) -> str:
    if part is None:
        return "inactive"
    return "sendonly" if isinstance(part, Sending) else "recvonly"


def _payload_types(codec: Codec) -> list[int]:
    if codec.rtx_payload_type is None:
        return [codec.payload_type]
    return [codec.payload_type, codec.rtx_payload_type]


def _codec(line: MLine, codec: Codec) -> list[str]:
    channels = "/2" if codec.name == "OPUS" else ""
    name = codec.name.lower() if codec.name == "OPUS" else codec.name
    pt = codec.payload_type
    lines = [f"a=rtpmap:{pt} {name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{pt} {value}" for value in line.feedback.get(pt, ())]
    if codec.parameters:
        lines.append(f"a=fmtp:{pt} {codec.parameters}")
    if codec.rtx_payload_type is not None:
        lines.append(f"a=rtpmap:{codec.rtx_payload_type} rtx/{codec.clock_rate}")
        lines.append(f"a=fmtp:{codec.rtx_payload_type} apt={pt}")
    return lines


def _ssrcs(part: Sending) -> list[str]:
    if part.rtx_ssrc is None:
        return [f"a=ssrc:{part.ssrc} cname:{part.cname}"]
    return [
        f"a=ssrc-group:FID {part.ssrc} {part.rtx_ssrc}",
        f"a=ssrc:{part.ssrc} cname:{part.cname}",
        f"a=ssrc:{part.rtx_ssrc} cname:{part.cname}",
    ]


def _transport(offer: Offer, ground: Ground) -> list[str]:
    return [
        f"a=ice-ufrag:{ground.credentials.ufrag}",
        f"a=ice-pwd:{ground.credentials.password}",
        *(f"a=fingerprint:{each.algorithm} {each.value}" for each in ground.fingerprints),
        f"a=setup:{'active' if offer.we_are_client else 'passive'}",
    ]


def _candidate(n: int, address: Address) -> str:
    priority = HOST_PREFERENCE << 24 | (65_535 - n) << 8 | 255
    return f"a=candidate:{n + 1} 1 udp {priority} {address[0]} {address[1]} typ host"


def _net(host: str) -> str:
    return f"IP6 {host}" if ":" in host else f"IP4 {host}"
