"""Where an H.264 stream can be joined (RFC 6184)."""

from __future__ import annotations

IDR, SPS = 5, 7
STAP_A, FU_A = 24, 28


def starts_keyframe(payload: bytes) -> bool:
    """Whether a decoder can start here: an IDR slice or the SPS before it, alone, in a STAP-A,
    or in the first fragment of an FU-A (sections 5.6, 5.7.1 and 5.8)."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind in (IDR, SPS):
        return True
    if kind == FU_A and len(payload) > 1:
        return payload[1] & 0x80 != 0 and payload[1] & 0x1F in (IDR, SPS)
    if kind == STAP_A:
        at = 1
        while at + 2 < len(payload):
            size = payload[at] << 8 | payload[at + 1]
            if payload[at + 2] & 0x1F in (IDR, SPS):
                return True
            at += 2 + size
    return False
