"""RTP payloads back into the frames an encoder made. Nothing is decoded.

Opus (RFC 7587), VP8 (RFC 7741), H.264 (RFC 6184, non-interleaved mode). Payloads come in sequence
order; one that follows a loss says so, and what it cannot complete is thrown away.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass
from sys import getsizeof
from typing import Protocol

from media.core.h264 import FU_A, IDR, SPS, STAP_A
from media.core.sps import picture_size

PPS, DELIMITER = 8, 9
FRAME_LIMIT = 8 * 1024 * 1024
"Bytes. A frame that grows beyond this is no frame of ours."
PARAMETER_SET_LIMIT = 1024
"Bytes. Real ones have dozens; the length of one is written in 16 bits, and each of its bits read."


@dataclass(frozen=True, slots=True)
class Frame:
    data: bytes
    "As a Matroska block holds it: H.264 with four-byte lengths before each NAL unit."
    timestamp: int
    keyframe: bool
    duration: int = 0
    "Ticks; 0 where the format does not say (video)."
    width: int = 0
    "Of a keyframe."
    height: int = 0
    private: bytes = b""
    "H.264 keyframes: the decoder configuration record (ISO/IEC 14496-15, section 5.3.3)."


class Depacketizer(Protocol):
    def push(
        self, payload: bytes, *, timestamp: int, marker: bool, after_loss: bool
    ) -> list[Frame]:
        """The frames this payload completes. One that makes no sense completes nothing."""


def depacketizer(codec: str) -> Depacketizer | None:
    """For an encoding name; None for one that is not recorded."""
    kinds: dict[str, type[Depacketizer]] = {
        "OPUS": OpusFrames,
        "VP8": Vp8Frames,
        "H264": H264Frames,
    }
    return kinds[codec]() if codec in kinds else None


class OpusFrames:
    def push(
        self, payload: bytes, *, timestamp: int, marker: bool, after_loss: bool
    ) -> list[Frame]:
        duration = opus_duration(payload)
        return [Frame(payload, timestamp, True, duration)] if duration else []


def opus_duration(packet: bytes) -> int:
    """Samples at 48 kHz (RFC 6716, section 3.1); 0 for what is no packet."""
    if not packet:
        return 0
    config = packet[0] >> 3
    if config < 12:
        samples = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        samples = (480, 960)[config & 1]
    else:
        samples = (120, 240, 480, 960)[config & 3]
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[packet[0] & 3]
    # Section 3.2.5: never more than 120 ms.
    return samples * frames if samples * frames <= 5760 else 0


class _Assembly(ABC):
    """Pieces of one frame, told from the next by its timestamp and its marker."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        "Bytes of memory that came for it, kept or not."
        self._spoiled = False
        "Part of the frame was lost: the rest of it is of no use."
        self._timestamp: int | None = None

    def push(
        self, payload: bytes, *, timestamp: int, marker: bool, after_loss: bool
    ) -> list[Frame]:
        frames: list[Frame] = []
        if timestamp != self._timestamp:
            # Without a loss in between, the frame before was whole and its marker was not set.
            frames += self._take() if not after_loss else []
            self._begin(timestamp)
        elif after_loss:
            self._spoiled = True
        if not self._spoiled:
            self._size += getsizeof(payload)
            self._add(payload)
        if self._size > FRAME_LIMIT:
            self._clear()
            self._spoiled = True
        if marker:
            frames += self._take()
            self._begin(None)
        return frames

    def _begin(self, timestamp: int | None) -> None:
        self._clear()
        self._spoiled = False
        self._timestamp = timestamp

    def _clear(self) -> None:
        self._pieces.clear()
        self._size = 0

    def _take(self) -> list[Frame]:
        if self._spoiled or not self._pieces:
            return []
        whole = self._whole(b"".join(self._pieces), self._timestamp or 0)
        return [whole] if whole is not None else []

    @abstractmethod
    def _add(self, payload: bytes) -> None:
        """Take in one packet's part of the frame."""

    @abstractmethod
    def _whole(self, data: bytes, timestamp: int) -> Frame | None:
        """The frame these pieces make; None when it is none."""


class Vp8Frames(_Assembly):
    def _add(self, payload: bytes) -> None:
        at = _vp8_body(payload)
        if at is None:
            return
        starts = payload[0] & 0x10 != 0 and payload[0] & 0x07 == 0
        # Without its first bytes a frame is nothing.
        if starts:
            self._pieces.clear()
        if starts or self._pieces:
            self._pieces.append(payload[at:])

    def _whole(self, data: bytes, timestamp: int) -> Frame | None:
        if data[0] & 1:
            return Frame(data, timestamp, False)
        # RFC 6386, section 9.1: start code, then 14 bits of width and of height.
        if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
            return None
        width, height = struct.unpack("<HH", data[6:10])
        return Frame(data, timestamp, True, width=width & 0x3FFF, height=height & 0x3FFF)


def _vp8_body(payload: bytes) -> int | None:
    """Where the VP8 data begins behind the payload descriptor (RFC 7741, section 4.2)."""
    if not payload:
        return None
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 3:
            return None
        present = payload[1]
        at = 2
        if present & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += 1 if present & 0x40 else 0
        at += 1 if present & 0x30 else 0
    return at if at < len(payload) else None


class H264Frames(_Assembly):
    def __init__(self) -> None:
        super().__init__()
        self._fragment: list[bytes] | None = None
        self._sps = self._pps = b""
        self._size_of = (0, 0)
        self._idr = False

    def _clear(self) -> None:
        super()._clear()
        self._fragment = None
        self._idr = False

    def _add(self, payload: bytes) -> None:
        if len(payload) < 2:
            return
        kind = payload[0] & 0x1F
        if kind == STAP_A:
            at = 1
            while at + 2 < len(payload):
                size = payload[at] << 8 | payload[at + 1]
                self._unit(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == FU_A:
            self._add_fragment(payload)
        elif kind < STAP_A:
            self._unit(payload)

    def _add_fragment(self, payload: bytes) -> None:
        if payload[1] & 0x80:
            self._fragment = [bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))]
        if self._fragment is None:
            return
        self._fragment.append(payload[2:])
        if payload[1] & 0x40:
            unit, self._fragment = b"".join(self._fragment), None
            self._unit(unit)

    def _unit(self, unit: bytes) -> None:
        if not unit:
            return
        kind = unit[0] & 0x1F
        if kind in (SPS, PPS) and len(unit) > PARAMETER_SET_LIMIT:
            return
        if kind == SPS and len(unit) >= 4:
            try:
                self._size_of, self._sps = picture_size(unit), unit
            except ValueError:
                return
        elif kind == PPS:
            self._pps = unit
        elif kind not in (0, SPS, DELIMITER):
            if kind == IDR and not self._idr:
                # first_mb_in_slice is zero, a single set bit, in a picture's first slice.
                self._idr = len(unit) > 1 and unit[1] & 0x80 != 0
                self._spoiled = not self._idr
            self._pieces.append(struct.pack(">I", len(unit)) + unit)

    def _whole(self, data: bytes, timestamp: int) -> Frame | None:
        if not self._idr:
            return Frame(data, timestamp, False)
        if not self._sps or not self._pps:
            return None
        width, height = self._size_of
        private = (
            bytes((1, *self._sps[1:4], 0xFF, 0xE1))
            + struct.pack(">H", len(self._sps))
            + self._sps
            + b"\x01"
            + struct.pack(">H", len(self._pps))
            + self._pps
        )
        return Frame(data, timestamp, True, width=width, height=height, private=private)
