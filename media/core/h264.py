"""Where an H.264 stream can be joined (RFC 6184)."""

from __future__ import annotations

IDR, SPS = 5, 7
STAP_A, FU_A = 24, 28


def starts_keyframe(payload: bytes) -> bool:
    """Whether a decoder can start here: an SPS, or the first slice of an IDR picture, alone, in a
    STAP-A, or in the first fragment of an FU-A (sections 5.6, 5.7.1 and 5.8)."""
    if len(payload) < 2:
        return False
    kind = payload[0] & 0x1F
    if kind == STAP_A:
        at = 1
        while at + 2 < len(payload):
            if _starts(payload[at + 2] & 0x1F, payload, at + 3):
                return True
            at += 2 + (payload[at] << 8 | payload[at + 1])
        return False
    if kind == FU_A:
        return payload[1] & 0x80 != 0 and _starts(payload[1] & 0x1F, payload, 2)
    return _starts(kind, payload, 1)


def _starts(kind: int, payload: bytes, body: int) -> bool:
    if kind == SPS:
        return True
    # first_mb_in_slice is Exp-Golomb coded and comes first: zero is a single set bit.
    return kind == IDR and body < len(payload) and payload[body] & 0x80 != 0
