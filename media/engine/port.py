"""What any packet engine can do. Policy stays above this line, packets stay below it.

One engine serves one media process: it owns the process's UDP socket, takes datagrams apart
(RFC 7983), decrypts and authenticates SRTP (RFC 3711, RFC 7714), rewrites each packet for each
receiver, encrypts and sends it, and speaks RTCP (RFC 3550, RFC 4585) on both sides. STUN and DTLS
datagrams go up to whoever negotiates; nothing else does.

Words: a **leg** is one peer's transport (one DTLS association, one remote address). A **source**
is a track somebody publishes on a leg. A **forward** is one receiver's copy of a source: its own
SSRC, sequence numbers and payload type on the receiver's leg. A **tap** is given every packet of a
source after decryption, as the recorder is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NewType, Protocol

LegId = NewType("LegId", int)
SourceId = NewType("SourceId", int)
ForwardId = NewType("ForwardId", int)
Address = tuple[str, int]


class SrtpProfile(StrEnum):
    """Protection profiles, in the order we prefer them."""

    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES128_CM_SHA1_80 = "AES128_CM_SHA1_80"
    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What a DTLS handshake exported (RFC 5764, section 4.2): master key followed by salt."""

    profile: SrtpProfile
    outbound: bytes
    inbound: bytes


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload format as one m-line numbered it."""

    name: str
    "Upper-case encoding name: OPUS, VP8, H264, ..."
    payload_type: int
    clock_rate: int
    rtx_payload_type: int | None = None
    "Payload type of its retransmissions (RFC 4588), None when not negotiated."
    parameters: str = ""
    "The fmtp line's value, as it stood in the description."


@dataclass(frozen=True, slots=True)
class Extensions:
    """Header extension ids of one m-line (RFC 8285), None for those not negotiated."""

    mid: int | None = None
    rid: int | None = None
    repaired_rid: int | None = None
    abs_send_time: int | None = None
    audio_level: int | None = None
    transport_cc: int | None = None


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How a publisher's packets are recognised and read."""

    kind: Literal["audio", "video"]
    mid: str
    codecs: tuple[Codec, ...]
    ssrcs: tuple[int, ...] = ()
    "SSRCs the description named; may be empty, then the MID extension decides (RFC 8843, 9.2)."
    rtx_ssrcs: Mapping[int, int] = field(default_factory=dict)
    "Retransmission SSRC to the SSRC it repairs."
    extensions: Extensions = Extensions()


@dataclass(frozen=True, slots=True)
class ForwardSpec:
    """How a receiver wants its copy."""

    mid: str
    ssrc: int
    codecs: tuple[Codec, ...]
    "What the receiver negotiated; a packet whose codec is not here is not forwarded."
    rtx_ssrc: int | None = None
    extensions: Extensions = Extensions()


@dataclass(frozen=True, slots=True)
class TapPacket:
    """One decrypted RTP packet as it came from its publisher, in arrival order."""

    source: SourceId
    codec: Codec
    sequence: int
    "Unwrapped: grows without limit."
    timestamp: int
    "Unwrapped, in ticks of the codec's clock rate."
    marker: bool
    payload: bytes
    arrived_at: float
    "Monotonic seconds."
    ntp_time: float | None
    "Seconds on the sender's clock, from its sender reports; None before the first."


Tap = Callable[[TapPacket], None]


@dataclass(frozen=True, slots=True)
class SourceStats:
    """What came of a source. Counters never go down."""

    packets: int
    "Retransmissions included."
    bytes: int
    "Of RTP packets without their protection, retransmissions included."
    packets_lost: int
    "On the way, whether or not a retransmission repaired it later."
    last_packet_at: float | None
    "Monotonic seconds; None before the first packet."
    packets_expected: int = 0
    "What its sequence numbers say was sent, retransmissions excluded (RFC 3550, A.3)."
    packets_repaired: int = 0
    "Lost, asked for, and come after all."
    jitter_s: float | None = None
    "RFC 3550, section 6.4.1, in seconds; None before there were two packets."
    packets_levelled: int = 0
    "That said how loud they are (RFC 6464)."
    packets_loud: int = 0
    "Of those, the ones loud enough to be somebody speaking."


@dataclass(frozen=True, slots=True)
class ForwardStats:
    """What was sent of a forward, and what its receiver reports of it. Counters never go down."""

    packets: int
    "Retransmissions included."
    bytes: int
    "Of RTP packets without their protection, retransmissions included."
    is_fed: bool
    "It has a source and is not paused."
    packets_expected: int
    """By the receiver's reports, between the first of them and the last: what left here, so what
    the publisher lost before is not among it."""
    packets_lost: int
    "Of those, on the way. Goes down when what was missing comes late."
    jitter_s: float | None
    "Seconds, as reported last; None before the first report."
    round_trip_s: float | None
    "Seconds, by the last report that tells (RFC 3550, section 6.4.1)."
    reported_at: float | None
    "Monotonic seconds; None before the first report."


@dataclass(slots=True)
class EngineStats:
    """Counters since the engine started; none ever goes down."""

    packets_received: int = 0
    packets_forwarded: int = 0
    bytes_forwarded: int = 0
    retransmissions_sent: int = 0
    sender_reports_sent: int = 0
    receiver_reports_sent: int = 0
    transport_feedback_sent: int = 0
    nacks_received: int = 0
    nacks_sent: int = 0
    keyframe_requests_sent: int = 0
    dropped_empty: int = 0
    "Datagrams without a byte."
    dropped_unknown_source: int = 0
    "DTLS or SRTP from an address no authenticated ICE check has vouched for (ASVS 17.2.6)."
    dropped_unauthentic: int = 0
    "SRTP that failed authentication or replay protection."
    dropped_unroutable: int = 0
    "Authentic RTP that belongs to no source."
    dropped_flood: int = 0
    "Authentic packets beyond what one peer may send (ASVS 17.2.5)."
    dropped_malformed: int = 0
    "Datagrams of no protocol we know, and authentic RTP or RTCP that contradicts itself."
    dropped_send: int = 0
    "Packets the kernel would not take (full buffer, unreachable)."
    failures: int = 0
    "Exceptions out of taps, of whoever negotiates, or of our own: bugs, kept from the packets."


class ControlPlane(Protocol):
    """Whoever negotiates: given what the engine does not handle itself."""

    def stun_received(self, data: bytes, source: Address) -> None: ...

    def dtls_received(self, data: bytes, source: Address) -> None:
        """Called only for admitted addresses."""


class Engine(Protocol):
    """Calls come from the event loop's thread and return at once; unknown ids raise KeyError.

    Removing a leg removes its sources and forwards; removing a source leaves its forwards silent.
    """

    name: Literal["native", "reference"]
    stats: EngineStats

    @property
    def local_address(self) -> Address: ...

    def start(self, control: ControlPlane) -> None:
        """Bind the socket and begin. The address is known afterwards."""

    def close(self) -> None: ...

    def send(self, data: bytes, target: Address) -> None:
        """Send a STUN or DTLS datagram as it is. What the kernel refuses is counted and dropped."""

    def admit(self, address: Address) -> None:
        """An authenticated ICE check came from here: DTLS from it may now go up."""

    def dismiss(self, address: Address) -> None:
        """Nothing from here goes up any more, nor to a leg that sends elsewhere."""

    def open_leg(self, address: Address, keys: SrtpKeys) -> LegId: ...

    def hear_leg(self, leg: LegId, address: Address) -> None:
        """Take the leg's packets from this (admitted) address too, until it is dismissed.

        A peer may change to another of its addresses before it says so (RFC 8445, section 12.2);
        what is not of its making fails authentication. Where we send to stays as it is.
        """

    def move_leg(self, leg: LegId, address: Address) -> None:
        """The peer is now at another (admitted) address; keys and counters stay.

        The address of before goes on being heard until it is dismissed.
        """

    def close_leg(self, leg: LegId) -> None: ...

    def add_source(self, leg: LegId, spec: SourceSpec) -> SourceId: ...

    def remove_source(self, source: SourceId) -> None: ...

    def mute_source(self, source: SourceId, muted: bool) -> None:
        """While muted nothing of it is forwarded or tapped, whatever the publisher sends."""

    def source_stats(self, source: SourceId) -> SourceStats: ...

    def add_forward(self, leg: LegId, spec: ForwardSpec) -> ForwardId:
        """A slot on a receiver's leg, silent until :meth:`feed` gives it a source."""

    def feed(self, forward: ForwardId, source: SourceId | None) -> None:
        """Play this source in the slot from its next packet (video: next keyframe) on.

        Sequence numbers and timestamps continue across the change, so the receiver sees one
        stream. A keyframe is asked of the new source.
        """

    def forward_stats(self, forward: ForwardId) -> ForwardStats: ...

    def pause_forward(self, forward: ForwardId, paused: bool) -> None: ...

    def remove_forward(self, forward: ForwardId) -> None: ...

    def tap(self, source: SourceId, tap: Tap | None) -> None:
        """Give every packet of the source to `tap`, or stop. One tap a source."""

    def request_keyframe(self, source: SourceId) -> None:
        """Ask the publisher; requests within the merge window become one."""
