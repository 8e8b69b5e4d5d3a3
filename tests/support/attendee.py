"""Somebody at a meeting whose media is counted, and lost, on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtp import is_rtcp

from tests.support.wire_client import Client, opened


@dataclass(slots=True)
class Wire:
    """What one connection sent or was sent: RTP as the pod counts it, without its protection."""

    lose_every: int | None = None
    "Of each stream, packets whose number this divides are lost."
    packets: int = 0
    lost: int = 0
    octets: int = 0
    marks: list[tuple[float, int]] = field(default_factory=list)
    "Unix seconds, and the octets until then."

    def passes(self, data: bytes, *, is_media: bool = True) -> bool:
        sequence = int.from_bytes(data[2:4], "big")
        if self.lose_every is not None and (not is_media or sequence % self.lose_every == 0):
            self.lost += is_media
            return False
        self.packets += 1
        self.octets += len(data)
        self.marks.append((time.time(), self.octets))
        return True

    def bps(self, since: float, until: float) -> float:
        first = max((octets for at, octets in self.marks if at <= since), default=0)
        last = max((octets for at, octets in self.marks if at <= until), default=0)
        return (last - first) * 8 / (until - since)


class Attendee:
    """One seat, at one socket, with at most one connection each way."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sent, self.received = Wire(), Wire()
        self._publishing = _new_pc()
        self._published: str | None = None
        self._pcs: list[RTCPeerConnection] = []

    async def publish(self, **tracks: MediaStreamTrack) -> None:
        """Tracks by their source. Again: these come on top."""
        pc = self._publishing
        for track in tracks.values():
            pc.addTrack(track)
        self._pcs.append(pc)
        await pc.setLocalDescription(await pc.createOffer())
        fresh = [t.mid for t in pc.getTransceivers()][-len(tracks) :]
        body: dict[str, Any] = {
            "offer": pc.localDescription.sdp,
            "tracks": [
                {"mid": mid, "source": source} for mid, source in zip(fresh, tracks, strict=True)
            ],
        }
        if self._published is not None:
            body["connection_id"] = self._published
        else:
            self._count_sent(pc)
        published = await self._ask("media.publish", body)
        self._published = published["connection_id"]
        await pc.setRemoteDescription(RTCSessionDescription(published["answer"], "answer"))
        await _connected(pc)

    async def listen(self, *kinds: str) -> None:
        """Receive on so many m-lines."""
        pc = _new_pc()
        self._pcs.append(pc)
        for kind in kinds:
            pc.addTransceiver(kind, direction="recvonly")
        await pc.setLocalDescription(await pc.createOffer())
        self._count_received(pc)
        answer = await self._ask("media.subscribe", {"offer": pc.localDescription.sdp})
        await pc.setRemoteDescription(RTCSessionDescription(answer["answer"], "answer"))
        await _connected(pc)

    async def say(self, text: str) -> None:
        await self._ask("chat.send", {"text": text})

    async def close(self) -> None:
        for pc in self._pcs:
            await pc.close()

    async def _ask(self, event: str, body: dict[str, Any]) -> dict[str, Any]:
        frame = await self.client.ask(event, body)
        assert frame["event"] != "error", frame
        data: dict[str, Any] = frame["data"]
        return data

    def _count_sent(self, pc: RTCPeerConnection) -> None:
        """What is lost here is never sent again: retransmissions are lost as well."""
        transport: Any = pc.getSenders()[0].transport
        send = transport._send_rtp

        async def sending(data: bytes) -> None:
            media = {sender._ssrc for sender in pc.getSenders()}
            is_media = int.from_bytes(data[8:12], "big") in media
            if is_rtcp(data) or self.sent.passes(data, is_media=is_media):
                await send(data)

        transport._send_rtp = sending

    def _count_received(self, pc: RTCPeerConnection) -> None:
        transport: Any = pc.getTransceivers()[0].receiver.transport
        take = transport._handle_rtp_data

        async def taking(data: bytes, arrival_time_ms: int) -> None:
            if self.received.passes(data):
                await take(data, arrival_time_ms)

        transport._handle_rtp_data = taking


def _new_pc() -> RTCPeerConnection:
    return RTCPeerConnection(
        RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    )


async def _connected(pc: RTCPeerConnection) -> None:
    async with asyncio.timeout(15):
        while pc.connectionState != "connected":  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def attending(address: str, token: str) -> AsyncIterator[Attendee]:
    async with opened(address, token) as client:
        await client.hear("connected")
        attendee = Attendee(client)
        try:
            yield attendee
        finally:
            await attendee.close()
