"""One client of the load generator: real ICE and DTLS by aiortc, then its socket in our hands."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any

from aiortc import RTCCertificate
from aiortc import rtcdtlstransport as dtls
from aiortc.rtcicetransport import (
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtcpRtpfbPacket

from media.engine.udp import Inbox
from tests.bench.sdp import MID_ID, SEND_TIME_ID, TRANSPORT_CC_ID, VP8, Ends

KEYFRAME_EVERY = 250
"Packets; each packet is a frame of its own."

_CERTIFICATE = RTCCertificate.generateCertificate()


class Leg:
    """A transport to the server. Connect it, then `publish` or `drain`."""

    def __init__(self, *, controlling: bool = True) -> None:
        self._gatherer = RTCIceGatherer(iceServers=[])
        self._ice = RTCIceTransport(self._gatherer)
        self._ice._connection.ice_controlling = controlling
        self._dtls = dtls.RTCDtlsTransport(self._ice, [_CERTIFICATE])
        self._dtls._srtp_profiles = [dtls.SRTP_AEAD_AES_128_GCM]
        self._inbox: Inbox
        self.packets = 0
        "RTP packets received."
        self.rtx = 0
        self.sender_reports = 0
        self.transport_feedback = 0
        self.rtx_payload_type: int | None = None
        self._last: tuple[int, int] | None = None
        self._sequence = 1000
        self._transport_sequence = 0

    async def gather(self) -> Ends:
        await self._gatherer.gather()
        mine = self._gatherer.getLocalParameters()
        prints = self._dtls.getLocalParameters().fingerprints
        return Ends(
            ufrag=mine.usernameFragment,
            password=mine.password,
            fingerprint=next(f.value for f in prints if f.algorithm == "sha-256"),
            candidates=tuple(
                (c.foundation, c.priority, c.ip, c.port)
                for c in self._gatherer.getLocalCandidates()
                if c.ip == "127.0.0.1"
            ),
        )

    async def connect(self, remote: Ends, *, lite: bool, role: str) -> None:
        for foundation, priority, host, port in remote.candidates:
            await self._ice.addRemoteCandidate(
                RTCIceCandidate(1, foundation, host, port, priority, "udp", "host")
            )
        await self._ice.addRemoteCandidate(None)
        await self._ice.start(
            RTCIceParameters(usernameFragment=remote.ufrag, password=remote.password, iceLite=lite)
        )
        self._dtls._set_role(role)
        await self._dtls.start(
            dtls.RTCDtlsParameters(
                fingerprints=[dtls.RTCDtlsFingerprint("sha-256", remote.fingerprint)]
            )
        )
        if self._dtls.state != "connected":
            raise RuntimeError(f"DTLS is {self._dtls.state}")
        pair = self._ice._connection._nominated[1]
        self._protocol: Any = pair.protocol
        self._remote = pair.remote_addr
        wrapped = pair.protocol.transport.get_extra_info("socket")
        asyncio.get_running_loop()._remove_reader(wrapped.fileno())  # type: ignore[attr-defined]
        self._socket: socket.socket = wrapped._sock
        self._inbox = Inbox(self._socket, batched=True)

    def drain(self) -> None:
        """Take what has arrived; count media without decrypting it, pass STUN on."""
        inbox = self._inbox
        while count := inbox.receive():
            for index in range(count):
                view = inbox.views[index]
                first = view[0]
                if 128 <= first <= 191:
                    second = view[1]
                    if 192 <= second <= 223:
                        self._rtcp(bytes(view[: inbox.lengths[index][0]]))
                    else:
                        self.packets += 1
                        if second & 127 == self.rtx_payload_type:
                            self.rtx += 1
                        else:
                            self._last = struct.unpack_from("!H4xI", view, 2)
                else:
                    data = bytes(view[: inbox.lengths[index][0]])
                    self._protocol.datagram_received(data, self._remote)
            if count < 64:
                return

    def _rtcp(self, data: bytes) -> None:
        plain = self._dtls._rx_srtp.unprotect_rtcp(data)
        at = 0
        while at + 4 <= len(plain):
            kind, words = plain[at + 1], int.from_bytes(plain[at + 2 : at + 4], "big")
            self.sender_reports += kind == 200
            self.transport_feedback += kind == 205 and plain[at] & 31 == 15
            at += 4 * (words + 1)

    def ask_again(self) -> None:
        """NACK the packet that came last, so that the server's retransmission is in the figures."""
        if self._last is None:
            return
        sequence, ssrc = self._last
        report = RtcpReceiverInfo(ssrc, 0, 0, sequence, 0, 0, 0)
        compound = bytes(RtcpRrPacket(ssrc=1, reports=[report]))
        compound += bytes(
            RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=[(sequence - 20) & 0xFFFF])
        )
        self._send(self._dtls._tx_srtp.protect_rtcp(compound))

    def publish(self, ssrc: int, mid: str, size: int) -> None:
        """Send one packet of `size` octets of payload."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._transport_sequence = (self._transport_sequence + 1) & 0xFFFF
        keyframe = self._sequence % KEYFRAME_EVERY == 0
        send_time = int(time.time() * 262_144) & 0xFFFFFF
        extensions = (
            bytes([MID_ID << 4 | len(mid) - 1])
            + mid.encode()
            + bytes([SEND_TIME_ID << 4 | 2])
            + send_time.to_bytes(3, "big")
            + bytes([TRANSPORT_CC_ID << 4 | 1])
            + self._transport_sequence.to_bytes(2, "big")
        )
        extensions += bytes(-len(extensions) % 4)
        picture = 0x8000 | self._sequence & 0x7FFF
        header = struct.pack(
            "!BBHIIHH",
            0x90,
            0x80 | VP8,
            self._sequence,
            self._sequence * 3000 & 0xFFFFFFFF,
            ssrc,
            0xBEDE,
            len(extensions) // 4,
        )
        # RFC 7741, section 4.2: X and S, then I with a 15-bit picture id; then the VP8 frame tag.
        body = struct.pack("!BBH", 0x90, 0x80, picture)
        body += b"\x10\x02\x00\x9d\x01\x2a\x80\x02\xe0\x01" if keyframe else b"\x11\x02\x00"
        packet = header + extensions + body + bytes(size - len(body))
        self._send(self._dtls._tx_srtp.protect(packet))

    def report(self, ssrc: int) -> None:
        """A sender report, as publishers send about every second (RFC 3550, section 6.4.1)."""
        now = time.time() + 2_208_988_800
        seconds, fraction = int(now), int(now % 1 * 2**32)
        packet = struct.pack(
            "!BBHIIIIII",
            *(0x80, 200, 6, ssrc, seconds, fraction),
            *(self._sequence * 3000 & 0xFFFFFFFF, self._sequence, self._sequence * 1000),
        )
        self._send(self._dtls._tx_srtp.protect_rtcp(packet))

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendto(data, self._remote)
        except BlockingIOError:
            return
