"""A peer at the other end of an engine's leg: its own socket, its own SRTP, no WebRTC around it."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pylibsrtp import Error, Policy, Session

from media.core import rtcp
from media.core.rtp import HEADER, locate_body, read_elements
from media.engine.port import Address, SrtpKeys, SrtpProfile

PATIENCE = 2.0
"Seconds to wait for what should come at once."
QUIET = 0.05
"Seconds in which what should not come would have come."

R = TypeVar("R", bound=rtcp.Report)

_PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    SrtpProfile.AES128_CM_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    SrtpProfile.AEAD_AES_256_GCM: (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}


@dataclass(frozen=True)
class Packet:
    """A decrypted RTP packet, taken apart."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    elements: dict[int, bytes]


def rtp(
    sequence: int,
    payload: bytes,
    *,
    ssrc: int = 1111,
    payload_type: int = 96,
    timestamp: int = 0,
    marker: bool = False,
    elements: dict[int, bytes] | None = None,
) -> bytes:
    """A plain RTP packet with one-byte header extension elements. Counters are wrapped here."""
    block = b"".join(
        bytes((number << 4 | len(value) - 1,)) + value for number, value in (elements or {}).items()
    )
    block += bytes(-len(block) % 4)
    head = HEADER.pack(
        0x90 if block else 0x80,
        (0x80 if marker else 0) | payload_type,
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    if block:
        head += struct.pack("!HH", 0xBEDE, len(block) // 4) + block
    return head + payload


def parse(data: bytes) -> Packet:
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    body = locate_body(data, len(data))
    elements = {n: data[at : at + size] for n, (at, size) in read_elements(data, body).items()}
    payload = data[body.payload : body.end]
    return Packet(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, payload, elements)


@dataclass
class RtpPeer:
    """Send with :meth:`send` and its kin; await what comes with :meth:`next_packet` and its kin.

    `keys` are the engine's for this leg. Use as a context manager on a running loop.
    """

    profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM
    received: list[Packet] = field(default_factory=list)
    reports: list[rtcp.Report] = field(default_factory=list)
    compounds: list[bytes] = field(default_factory=list)
    unreadable: int = 0
    "Datagrams that were not SRTP of this association, or were replayed."
    datagrams: list[bytes] = field(default_factory=list)
    "Everything, as it came."

    def __post_init__(self) -> None:
        number, length = _PROFILES[self.profile]
        self.keys = SrtpKeys(
            self.profile, outbound=secrets.token_bytes(length), inbound=secrets.token_bytes(length)
        )
        self._out = Session(
            Policy(key=self.keys.inbound, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=number)
        )
        policy = Policy(
            key=self.keys.outbound, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=number
        )
        policy.window_size = 1024
        self._in = Session(policy)
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._news = asyncio.Event()
        self.engine: Address | None = None

    def __enter__(self) -> RtpPeer:
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    @property
    def address(self) -> Address:
        host, port = self._sock.getsockname()
        return host, port

    def send(self, packet: bytes) -> bytes:
        """Encrypt and send RTP; gives what went out."""
        return self.send_raw(self._out.protect(packet))

    def send_rtcp(self, packet: bytes) -> bytes:
        return self.send_raw(self._out.protect_rtcp(packet))

    def send_raw(self, data: bytes) -> bytes:
        assert self.engine is not None, "open the leg first"
        self._sock.sendto(data, self.engine)
        return data

    async def next_packet(self) -> Packet:
        """The oldest RTP packet not yet taken."""
        await self.until(lambda: bool(self.received))
        return self.received.pop(0)

    async def next_packets(self, count: int) -> list[Packet]:
        return [await self.next_packet() for _ in range(count)]

    async def packet_with(self, payload: bytes) -> Packet:
        """The packet with this payload; it and those before it count as taken."""
        while (packet := await self.next_packet()).payload != payload:
            pass
        return packet

    async def next_report(self, kind: type[R]) -> R:
        """The oldest report of this kind not yet taken; others before it are dropped."""
        found: list[R] = []

        def look() -> bool:
            while self.reports and not found:
                report = self.reports.pop(0)
                if isinstance(report, kind):
                    found.append(report)
            return bool(found)

        await self.until(look)
        return found[0]

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not happened():
                self._news.clear()
                await self._news.wait()

    def _read(self) -> None:
        while True:
            try:
                data = self._sock.recv(4096)
            except BlockingIOError:
                break
            self.datagrams.append(data)
            try:
                self._take(data)
            except Error:
                self.unreadable += 1
        self._news.set()

    def _take(self, data: bytes) -> None:
        if len(data) > 1 and 192 <= data[1] <= 223:
            compound = self._in.unprotect_rtcp(data)
            self.compounds.append(compound)
            self.reports.extend(rtcp.read_compound(compound))
        else:
            self.received.append(parse(self._in.unprotect(data)))
