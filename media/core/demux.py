"""Which protocol a datagram belongs to, told from its first bytes (RFC 7983, RFC 5761)."""

from __future__ import annotations

from enum import Enum, auto


class Protocol(Enum):
    STUN = auto()
    DTLS = auto()
    SRTP = auto()
    SRTCP = auto()
    UNKNOWN = auto()


def protocol_of(first: int, second: int) -> Protocol:
    """Classify by the first two octets; a datagram of one octet has 0 for its second.

    RFC 7983, section 7 for the first octet; RFC 5761, section 4 for RTCP's packet types.
    """
    if 128 <= first <= 191:
        return Protocol.SRTCP if 192 <= second <= 223 else Protocol.SRTP
    if first <= 3:
        return Protocol.STUN
    if 20 <= first <= 63:
        return Protocol.DTLS
    return Protocol.UNKNOWN
