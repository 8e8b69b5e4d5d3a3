"""What libsrtp will not encrypt does not leave."""

from __future__ import annotations

from media.core.history import SentPacket
from media.engine.fan import Fan
from media.engine.parts import Forward, Leg
from media.engine.port import EngineStats, ForwardId, ForwardSpec, LegId
from media.engine.udp import Endpoint, open_socket
from tests.media.engine.stage import RECEIVER_OPUS
from tests.support.rtp_peer import RtpPeer

PACKET = SentPacket(5, 960, 0, 111, b"sound", None)


async def test_a_number_used_before_is_never_encrypted_again_nor_sent_in_clear() -> None:
    with RtpPeer() as used, RtpPeer() as fresh, open_socket("127.0.0.1", 0) as sock:
        forwards = []
        for number, peer in enumerate((used, fresh)):
            leg = Leg(LegId(number), Endpoint(sock.family, peer.address), peer.keys, now=0.0)
            spec = ForwardSpec("0", 7, (RECEIVER_OPUS,))
            forward = Forward(ForwardId(number), leg, spec)
            forward.rewriter.begin(5, 960, 48_000, now=0.0)
            forwards.append(forward)
        stats = EngineStats()
        alone = Fan(sock, [(forwards[0], RECEIVER_OPUS)], stats, batched=True)
        both = Fan(sock, [(f, RECEIVER_OPUS) for f in forwards], stats, batched=True)
        alone.send(PACKET, None, 0)

        both.send(PACKET, None, 0)

        assert (await fresh.next_packet()).payload == b"sound"
        await used.next_packet()
        assert len(used.datagrams) == len(fresh.datagrams) == 1
        assert stats.packets_forwarded == 2
        assert stats.dropped_send == 0
