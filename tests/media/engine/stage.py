"""An engine on loopback, its clock in the test's hands, and peers around it."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import ExitStack
from dataclasses import dataclass, field

from media.engine.port import (
    Address,
    Codec,
    Extensions,
    ForwardId,
    ForwardSpec,
    LegId,
    SourceId,
    SourceSpec,
    SrtpProfile,
)
from media.engine.reference import ReferenceEngine
from tests.support.rtp_peer import PATIENCE, RtpPeer, rtp

OPUS = Codec("OPUS", 111, 48_000)
VP8 = Codec("VP8", 96, 90_000, rtx_payload_type=97)
H264 = Codec("H264", 102, 90_000, parameters="packetization-mode=1;profile-level-id=42e01f")
MID, LEVEL, TIME, TRANSPORT = 1, 2, 3, 5
"Header extension ids of publishers."
EXTENSIONS = Extensions(mid=MID, audio_level=LEVEL, abs_send_time=TIME, transport_cc=TRANSPORT)
THEIRS = Extensions(mid=9, audio_level=10, abs_send_time=11)
"Those of receivers, all different."
RECEIVER_OPUS = Codec("OPUS", 100, 48_000)
RECEIVER_VP8 = Codec("VP8", 120, 90_000, rtx_payload_type=121)

KEYFRAME = b"\x90\x80\x80\x05\x10\x02\x00\x9d\x01\x2a"
"VP8 with picture id 5."
INTERFRAME = b"\x90\x80\x80\x06\x11\x02\x00"


@dataclass
class Control:
    """Whoever negotiates: remembers, and fails when told to."""

    stun: list[tuple[bytes, Address]] = field(default_factory=list)
    dtls: list[tuple[bytes, Address]] = field(default_factory=list)
    fails: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def told(self, count: int) -> None:
        """Wait until it was given this many datagrams."""
        async with asyncio.timeout(PATIENCE):
            while len(self.stun) + len(self.dtls) < count:
                self._news.clear()
                await self._news.wait()

    def stun_received(self, data: bytes, source: Address) -> None:
        self.stun.append((data, source))
        self._news.set()
        if self.fails:
            raise RuntimeError("a bug up there")

    def dtls_received(self, data: bytes, source: Address) -> None:
        self.dtls.append((data, source))
        self._news.set()


@dataclass
class Publisher:
    peer: RtpPeer
    leg: LegId
    source: SourceId
    ssrc: int
    codec: Codec

    def send(
        self,
        sequence: int,
        payload: bytes = b"payload",
        *,
        timestamp: int = 0,
        marker: bool = False,
        elements: dict[int, bytes] | None = None,
    ) -> bytes:
        return self.peer.send(
            rtp(
                sequence,
                payload,
                ssrc=self.ssrc,
                payload_type=self.codec.payload_type,
                timestamp=timestamp,
                marker=marker,
                elements=elements,
            )
        )


@dataclass
class Receiver:
    peer: RtpPeer
    leg: LegId
    forward: ForwardId
    spec: ForwardSpec


class Stage:
    """`now` is what the engine takes for monotonic time; its timer ticks in real time."""

    def __init__(self, *, batched: bool = True) -> None:
        self.now = 100.0
        self.control = Control()
        self.engine = ReferenceEngine(
            "127.0.0.1",
            batched=batched,
            clock=lambda: self.now,
            wall=lambda: 1_700_000_000 + self.now,
        )
        self._ssrcs = itertools.count(5_000)
        self._peers = ExitStack()

    def __enter__(self) -> Stage:
        self.engine.start(self.control)
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self._peers.close()

    def peer(self, profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM) -> RtpPeer:
        """A peer that knows where the engine is, and has no leg yet."""
        peer = self._peers.enter_context(RtpPeer(profile))
        peer.engine = self.engine.local_address
        return peer

    def leg(self, peer: RtpPeer) -> LegId:
        return self.engine.open_leg(peer.address, peer.keys)

    def publisher(
        self,
        codec: Codec = OPUS,
        *,
        ssrc: int = 1111,
        rtx_ssrc: int | None = None,
        mid: str = "0",
        named: bool = True,
        profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
        beside: Publisher | None = None,
    ) -> Publisher:
        """`named`: whether the description names the SSRC. `beside`: another track of that one."""
        peer = beside.peer if beside else self.peer(profile)
        leg = beside.leg if beside else self.leg(peer)
        source = self.engine.add_source(
            leg,
            SourceSpec(
                kind="audio" if codec.name == "OPUS" else "video",
                mid=mid,
                codecs=(codec,),
                ssrcs=(ssrc,) if named else (),
                rtx_ssrcs={} if rtx_ssrc is None else {rtx_ssrc: ssrc},
                extensions=EXTENSIONS,
            ),
        )
        return Publisher(peer, leg, source, ssrc, codec)

    def receiver(
        self,
        feed: Publisher | None = None,
        *,
        codecs: tuple[Codec, ...] = (RECEIVER_OPUS, RECEIVER_VP8),
        rtx: bool = True,
        extensions: Extensions = THEIRS,
        profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
        beside: Receiver | None = None,
    ) -> Receiver:
        peer = beside.peer if beside else self.peer(profile)
        leg = beside.leg if beside else self.leg(peer)
        spec = ForwardSpec(
            mid="v7",
            ssrc=next(self._ssrcs),
            codecs=codecs,
            rtx_ssrc=next(self._ssrcs) if rtx else None,
            extensions=extensions,
        )
        forward = self.engine.add_forward(leg, spec)
        if feed is not None:
            self.engine.feed(forward, feed.source)
        return Receiver(peer, leg, forward, spec)
