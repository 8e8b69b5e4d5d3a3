"""The VP8 payload descriptor (RFC 7741, section 4.2), read, and renumbered across a switch."""

from __future__ import annotations

from typing import NamedTuple


class Descriptor(NamedTuple):
    starts_keyframe: bool
    picture_id: int | None
    picture_id_at: int
    "Offset of the picture id in the payload; 0 when there is none."
    picture_id_bits: int
    "7 or 15."
    tl0_index: int | None
    tl0_index_at: int


_UNREADABLE = Descriptor(False, None, 0, 7, None, 0)


def read_descriptor(payload: bytes) -> Descriptor:
    """Read the descriptor. One cut short describes nothing and starts nothing."""
    length = len(payload)
    if length == 0:
        return _UNREADABLE
    first = payload[0]
    at = 1
    picture_id = tl0_index = None
    picture_id_at = tl0_index_at = 0
    bits = 7
    if first & 0x80:
        if at >= length:
            return _UNREADABLE
        present = payload[at]
        at += 1
        if present & 0x80:
            if at >= length:
                return _UNREADABLE
            picture_id, picture_id_at = payload[at], at
            at += 1
            if picture_id & 0x80:
                if at >= length:
                    return _UNREADABLE
                picture_id, bits = (picture_id & 0x7F) << 8 | payload[at], 15
                at += 1
        if present & 0x40:
            if at >= length:
                return _UNREADABLE
            tl0_index, tl0_index_at = payload[at], at
            at += 1
        if present & 0x30:
            at += 1
    # S set, partition 0, and the P bit of the VP8 frame header clear (RFC 6386, section 9.1).
    starts = at < length and first & 0x10 != 0 and first & 0x07 == 0 and payload[at] & 1 == 0
    return Descriptor(starts, picture_id, picture_id_at, bits, tl0_index, tl0_index_at)


class PictureNumbers:
    """One receiver's picture ids and TL0PICIDX, kept going up across a change of source.

    A keyframe refers to nothing before it, so a decoder does not need this; a receiver's jitter
    buffer orders frames by picture id, and may take one that jumps back for a late frame.
    """

    __slots__ = ("_last_picture", "_last_tl0", "_picture_offset", "_tl0_offset")

    def __init__(self) -> None:
        self._picture_offset = self._tl0_offset = 0
        self._last_picture: int | None = None
        self._last_tl0: int | None = None

    @property
    def changes_anything(self) -> bool:
        return self._picture_offset != 0 or self._tl0_offset != 0

    def begin(self, first: Descriptor) -> None:
        """The next packets come from a source whose keyframe begins with this descriptor."""
        if first.picture_id is not None and self._last_picture is not None:
            self._picture_offset = (self._last_picture + 1 - first.picture_id) & 0x7FFF
        if first.tl0_index is not None and self._last_tl0 is not None:
            self._tl0_offset = (self._last_tl0 + 1 - first.tl0_index) & 0xFF

    def end(self, last: Descriptor) -> None:
        """The source fell silent here; this was its newest descriptor."""
        if last.picture_id is not None:
            self._last_picture = (last.picture_id + self._picture_offset) & 0x7FFF
        if last.tl0_index is not None:
            self._last_tl0 = (last.tl0_index + self._tl0_offset) & 0xFF

    def rewrite(self, payload: bytes, descriptor: Descriptor) -> bytes:
        """The payload with this receiver's numbers. A 7-bit picture id stays one, and wraps."""
        renumbered = bytearray(payload)
        if descriptor.picture_id is not None:
            picture, at = descriptor.picture_id + self._picture_offset, descriptor.picture_id_at
            if descriptor.picture_id_bits == 15:
                renumbered[at] = 0x80 | picture >> 8 & 0x7F
                renumbered[at + 1] = picture & 0xFF
            else:
                renumbered[at] = picture & 0x7F
        if descriptor.tl0_index is not None:
            tl0 = descriptor.tl0_index + self._tl0_offset
            renumbered[descriptor.tl0_index_at] = tl0 & 0xFF
        return bytes(renumbered)
