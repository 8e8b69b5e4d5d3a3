"""Reading an offer: what a client wants to send or receive, and what of it we can do.

Descriptions come from strangers. They are measured before they are read, read by exact patterns
only, and whatever is wrong with one is a refusal, never another exception. An m-line we cannot use
is turned down by itself (RFC 3264, section 6: port 0 in the answer); the rest of the offer works.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from infra.contract.live import SDP_LIMIT
from infra.contract.refusals import Reason, Refused, refuse
from media.engine.port import Codec, Extensions

M_LINE_LIMIT = 64
CANDIDATE_LIMIT = 32
"Candidates of one m-line. We answer checks and send none (ICE lite), so none of them is used."

SUPPORTED: dict[str, tuple[tuple[str, int], ...]] = {
    "audio": (("OPUS", 48_000),),
    "video": (("VP8", 90_000), ("H264", 90_000)),
}
"Codecs by kind, the one we would rather have first. What is not here is not forwarded."

FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "transport-cc"})
STRONG_HASHES = frozenset({"sha-256", "sha-384", "sha-512"})
"RFC 8122, section 5, less the broken ones."
PROTOCOLS = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"})

TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
EXTENSION_URIS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": "mid",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": "abs_send_time",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": "audio_level",
    TRANSPORT_CC: "transport_cc",
}

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]"
_M_LINE = re.compile(r"([a-z0-9]{1,32}) (\d{1,5}) (\S{1,64}) (\S.{0,1024})", re.ASCII)
_MID = re.compile(_TOKEN + r"{1,16}")
_RTPMAP = re.compile(r"(\d{1,3}) ([A-Za-z0-9.+-]{1,32})/(\d{1,9})(?:/\d{1,3})?", re.ASCII)
_FMTP = re.compile(r"(\d{1,3}) ([ -~]{1,1024})", re.ASCII)
_RTCP_FB = re.compile(r"(\d{1,3}|\*) ([ -~]{1,64})", re.ASCII)
_EXTMAP = re.compile(r"(\d{1,5})(?:/\w{1,16})? ([!-~]{1,256})(?: .*)?", re.ASCII)
_SSRC = re.compile(r"(\d{1,10})(?: .*)?", re.ASCII)
_FID = re.compile(r"FID (\d{1,10}) (\d{1,10})", re.ASCII)
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63})")
_APT = re.compile(r"(?:^|;)\s*apt=(\d{1,3})\s*(?:;|$)", re.ASCII)
_CANDIDATE = re.compile(
    r"(?:a=)?(?:candidate:)?\S{1,32} \d{1,5} \w{1,8} \d{1,10} \S{1,255} \d{1,5}"
    r" typ (?:host|srflx|prflx|relay)(?: .*)?",
    re.ASCII,
)

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class MLine:
    """One m-line as it was offered, with what we take of it."""

    index: int
    kind: str
    "audio or video, or something else that is turned down."
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: Direction
    codecs: tuple[Codec, ...]
    "Those we can forward, the best first. Empty when the line is turned down."
    feedback: dict[int, tuple[str, ...]]
    "RTCP feedback both sides know, by payload type."
    extensions: Extensions
    ssrcs: tuple[int, ...]
    rtx_ssrcs: dict[int, int]
    "Retransmission SSRC to the SSRC it repairs."
    reduced_rtcp: bool
    "RFC 5506: feedback may come without a report before it."
    trouble: str | None
    "Why it is turned down; None when it is not."

    @property
    def usable(self) -> bool:
        return self.trouble is None

    @property
    def offers_media(self) -> bool:
        return self.usable and self.direction in ("sendrecv", "sendonly")

    @property
    def wants_media(self) -> bool:
        return self.usable and self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class Offer:
    lines: tuple[MLine, ...]
    credentials: Credentials
    fingerprints: tuple[Fingerprint, ...]
    we_are_client: bool
    "Whether the DTLS handshake is ours to begin (RFC 8842, section 5.3)."

    @property
    def usable(self) -> tuple[MLine, ...]:
        return tuple(line for line in self.lines if line.usable)


def read_offer(text: str) -> Offer:
    """Refuses with BAD_DESCRIPTION; raises nothing else, whatever the text."""
    if len(text) > SDP_LIMIT or len(text.encode("utf-8", "replace")) > SDP_LIMIT:
        raise _bad(f"longer than {SDP_LIMIT} bytes")
    session, sections = _sections(text)
    bundled = _bundled_mids(session)
    if len(sections) > 1 and not bundled:
        raise _bad("several m-lines need to be bundled (a=group:BUNDLE)")
    lines = tuple(_read_line(i, section, bundled) for i, section in enumerate(sections))
    mids = [line.mid for line in lines if line.mid]
    if len(set(mids)) < len(mids):
        raise _bad("two m-lines share an a=mid")
    ssrcs = [n for line in lines if line.usable for n in (*line.ssrcs, *line.rtx_ssrcs)]
    if len(set(ssrcs)) < len(ssrcs):
        raise _bad("two m-lines share an SSRC")
    first = next((line for line in lines if line.usable), None)
    if first is None:
        why = "; ".join(sorted({line.trouble for line in lines if line.trouble}))
        raise _bad(f"no m-line can be used: {why}")
    transport = sections[first.index]
    return Offer(
        lines=lines,
        credentials=_credentials(session, transport),
        fingerprints=_fingerprints(session, transport),
        we_are_client=_we_are_client(session, transport),
    )


def check_candidate(text: str | None) -> None:
    """Refuses what is no candidate. None and the empty string end them (RFC 8838, section 8.2)."""
    if text and not _CANDIDATE.fullmatch(text.strip()):
        raise _bad("not an ICE candidate")


def _bad(why: str) -> Refused:
    return refuse(Reason.BAD_DESCRIPTION, why)


class _Section:
    """The lines of one part of a description: its m-line's value, and its attributes."""

    def __init__(self, m_line: str) -> None:
        self.m_line = m_line
        self.attributes: dict[str, list[str]] = {}

    def add(self, line: str) -> None:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            self.attributes.setdefault(name, []).append(value.strip())

    def has(self, name: str) -> bool:
        return name in self.attributes

    def all(self, name: str) -> list[str]:
        return self.attributes.get(name, [])

    def first(self, name: str) -> str | None:
        values = self.attributes.get(name)
        return values[0] if values else None

    def matches(self, name: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        for value in self.all(name):
            found = pattern.fullmatch(value)
            if found:
                yield found


def _sections(text: str) -> tuple[_Section, list[_Section]]:
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != "v=0":
        raise _bad("not a session description: v=0 comes first")
    session = current = _Section("")
    sections: list[_Section] = []
    for line in lines[1:]:
        if line.startswith("m="):
            current = _Section(line[2:])
            sections.append(current)
            if len(sections) > M_LINE_LIMIT:
                raise _bad(f"more than {M_LINE_LIMIT} m-lines")
        else:
            current.add(line)
    if not sections:
        raise _bad("there is no m-line in it")
    for section in (session, *sections):
        if len(section.all("candidate")) > CANDIDATE_LIMIT:
            raise _bad(f"more than {CANDIDATE_LIMIT} candidates for one m-line")
    return session, sections


def _bundled_mids(session: _Section) -> frozenset[str]:
    for group in session.all("group"):
        words = group.split()
        if words[:1] == ["BUNDLE"]:
            return frozenset(words[1:])
    return frozenset()


def _read_line(index: int, section: _Section, bundled: frozenset[str]) -> MLine:
    found = _M_LINE.fullmatch(section.m_line.strip())
    if not found:
        raise _bad(f"m-line {index + 1} cannot be read")
    kind, port, protocol, formats = found[1], int(found[2]), found[3], tuple(found[4].split())
    mid = section.first("mid") or ""
    if mid and not _MID.fullmatch(mid):
        raise _bad(f"the a=mid of m-line {index + 1} is not 1 to 16 token characters")
    codecs = tuple(_codecs(kind, section, formats))
    trouble = None
    if kind not in SUPPORTED:
        trouble = f"{kind} is not carried"
    elif port == 0 and not section.has("bundle-only"):
        trouble = "stopped by the client"
    elif protocol not in PROTOCOLS:
        trouble = f"{protocol} is not DTLS-SRTP"
    elif not mid:
        trouble = "no a=mid"
    elif bundled and mid not in bundled:
        trouble = "not in the BUNDLE group"
    elif not section.has("rtcp-mux"):
        trouble = "no a=rtcp-mux"
    elif not codecs:
        names = ", ".join(name for name, _ in SUPPORTED[kind])
        trouble = f"no {kind} codec in common ({names})"
    feedback = {codec.payload_type: _feedback(section, codec) for codec in codecs}
    return MLine(
        index=index,
        kind=kind,
        protocol=protocol,
        formats=formats,
        mid=mid,
        direction=_direction(section),
        codecs=codecs,
        feedback=feedback,
        extensions=_extensions(kind, section, feedback.values()),
        ssrcs=_ssrcs(section),
        rtx_ssrcs=_rtx_ssrcs(section),
        reduced_rtcp=section.has("rtcp-rsize"),
        trouble=trouble,
    )


def _direction(section: _Section) -> Direction:
    for name, direction in _DIRECTIONS.items():
        if section.has(name):
            return direction
    return "sendrecv"


def _codecs(kind: str, section: _Section, formats: tuple[str, ...]) -> Iterator[Codec]:
    parameters = {int(m[1]): m[2].strip() for m in section.matches("fmtp", _FMTP)}
    offered: list[tuple[int, str, int]] = []
    retransmits: dict[int, int] = {}
    for match in section.matches("rtpmap", _RTPMAP):
        payload_type, name, rate = int(match[1]), match[2].upper(), int(match[3])
        # RFC 5761, section 4: 64 to 95 could be mistaken for RTCP.
        if match[1] not in formats or payload_type > 127 or 64 <= payload_type <= 95:
            continue
        if name == "RTX":
            repaired = _APT.search(parameters.get(payload_type, ""))
            if repaired:
                retransmits.setdefault(int(repaired[1]), payload_type)
        else:
            offered.append((payload_type, name, rate))
    for wanted in SUPPORTED.get(kind, ()):
        alike = [
            Codec(name, pt, rate, retransmits.get(pt), parameters.get(pt, ""))
            for pt, name, rate in offered
            if (name, rate) == wanted
        ]
        if alike:
            yield min(alike, key=_strangeness)


def _strangeness(codec: Codec) -> tuple[bool, int]:
    """Which of several payload types of a codec everybody is likeliest to decode: least first.

    For H.264 that is constrained baseline in packetization mode 1 (RFC 7742, section 6.2).
    """
    parameters = codec.parameters.replace(" ", "").lower()
    profile = re.search(r"profile-level-id=([0-9a-f]{4})", parameters)
    profiles = ["42e0", "4200"]
    rank = profiles.index(profile[1]) if profile and profile[1] in profiles else len(profiles)
    return ("packetization-mode=1" not in parameters, rank)


def _feedback(section: _Section, codec: Codec) -> tuple[str, ...]:
    mine = (str(codec.payload_type), "*")
    offered = [m[2].strip() for m in section.matches("rtcp-fb", _RTCP_FB) if m[1] in mine]
    return tuple(dict.fromkeys(value for value in offered if value in FEEDBACK))


def _extensions(kind: str, section: _Section, feedback: Iterable[tuple[str, ...]]) -> Extensions:
    """Ids of those we support. The one-byte header form has room for 1 to 14 (RFC 8285, 4.2)."""
    found: dict[str, int] = {}
    for match in section.matches("extmap", _EXTMAP):
        name = EXTENSION_URIS.get(match[2])
        if name and 1 <= int(match[1]) <= 14 and int(match[1]) not in found.values():
            found.setdefault(name, int(match[1]))
    if kind != "audio":
        found.pop("audio_level", None)
    if not any("transport-cc" in values for values in feedback):
        found.pop("transport_cc", None)
    return Extensions(**found)


def _ssrcs(section: _Section) -> tuple[int, ...]:
    numbers = (int(m[1]) for m in section.matches("ssrc", _SSRC))
    repairs = _rtx_ssrcs(section)
    return tuple(dict.fromkeys(n for n in numbers if 0 < n < 1 << 32 and n not in repairs))


def _rtx_ssrcs(section: _Section) -> dict[int, int]:
    """`a=ssrc-group:FID media repair` (RFC 5576, section 4.2)."""
    pairs = ((int(m[1]), int(m[2])) for m in section.matches("ssrc-group", _FID))
    return {rtx: media for media, rtx in pairs if 0 < media < 1 << 32 and 0 < rtx < 1 << 32}


def _credentials(session: _Section, transport: _Section) -> Credentials:
    ufrag = transport.first("ice-ufrag") or session.first("ice-ufrag") or ""
    password = transport.first("ice-pwd") or session.first("ice-pwd") or ""
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise _bad("no usable a=ice-ufrag and a=ice-pwd")
    return Credentials(ufrag, password)


def _fingerprints(session: _Section, transport: _Section) -> tuple[Fingerprint, ...]:
    lines = list(transport.matches("fingerprint", _FINGERPRINT)) or list(
        session.matches("fingerprint", _FINGERPRINT)
    )
    strong = (Fingerprint(m[1].lower(), m[2].upper()) for m in lines)
    kept = tuple(each for each in strong if each.algorithm in STRONG_HASHES)
    if not kept:
        raise _bad("no a=fingerprint by SHA-256 or better")
    return kept


def _we_are_client(session: _Section, transport: _Section) -> bool:
    setup = transport.first("setup") or session.first("setup") or "actpass"
    if setup not in ("actpass", "active", "passive"):
        raise _bad("a=setup is none of actpass, active and passive")
    return setup == "passive"
