"""WebM and Matroska files of one track, written so that a killed writer loses nothing it wrote.

Pure bytes in and out (RFC 9559; elements of RFC 8794). A muxing library keeps a cluster in memory
until it is complete and cannot be handed codec headers; here every block can go to the disk as it
comes, and the sizes, unknown until the end, are patched when the file is closed. A file whose
writer died is mended by cutting it after its last whole block.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

CodecName = Literal["OPUS", "VP8", "H264"]

CLUSTER_MS = 1000
"Longest cluster. Shorter: more bytes; longer: coarser seeking."
SCAN_LIMIT = 64 * 1024 * 1024
"Bytes of the largest block believed when a file is scanned."

_CODEC_IDS: dict[CodecName, tuple[str, bytes]] = {
    "OPUS": ("webm", b"A_OPUS"),
    "VP8": ("webm", b"V_VP8"),
    "H264": ("matroska", b"V_MPEG4/ISO/AVC"),
}
SUFFIX: dict[CodecName, str] = {"OPUS": "webm", "VP8": "webm", "H264": "mkv"}
CONTENT_TYPE = {".webm": "video/webm", ".mkv": "video/x-matroska", ".mp4": "video/mp4"}

_UNKNOWN = b"\x01" + b"\xff" * 7
_SEGMENT, _CLUSTER, _BLOCK = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xa3"
_CLUSTER_TIME, _INFO, _TRACKS, _DURATION = (
    b"\xe7",
    b"\x15\x49\xa9\x66",
    b"\x16\x54\xae\x6b",
    b"\x44\x89",
)


@dataclass(frozen=True, slots=True)
class TrackFormat:
    codec: CodecName
    width: int = 0
    height: int = 0
    private: bytes = b""
    "H264: the decoder configuration record (ISO/IEC 14496-15, section 5.3.3)."


class Writer:
    """One file as it grows. What a method returns is to be appended, in order.

    Times are milliseconds from the file's start and may not go back.
    """

    def __init__(self, track: TrackFormat) -> None:
        self.head, self._duration_at = _head(track)
        self._size = len(self.head)
        self._segment_body = self.head.index(_SEGMENT) + len(_SEGMENT) + 8
        self._cluster_at: int | None = None
        self._cluster_ms = 0
        self._cluster_sizes: list[tuple[int, bytes]] = []

    def add(self, at_ms: int, frame: bytes, *, keyframe: bool) -> bytes:
        """One frame: a block, and the head of a new cluster where one is due."""
        out = b""
        if self._cluster_at is None or at_ms - self._cluster_ms >= CLUSTER_MS:
            self._close_cluster()
            self._cluster_at, self._cluster_ms = self._size, at_ms
            out = _CLUSTER + _UNKNOWN + _element(_CLUSTER_TIME, _number(at_ms))
        relative = struct.pack(">Bh", 0x81, at_ms - self._cluster_ms)
        out += _element(_BLOCK, relative + (b"\x80" if keyframe else b"\x00") + frame)
        self._size += len(out)
        return out

    def finish(self, duration_ms: int) -> list[tuple[int, bytes]]:
        """The patches, (offset, bytes), that make it a finished file of this length."""
        self._close_cluster()
        return [
            (self._segment_body - 8, _fixed_size(self._size - self._segment_body)),
            (self._duration_at, struct.pack(">d", float(duration_ms))),
            *self._cluster_sizes,
        ]

    def _close_cluster(self) -> None:
        if self._cluster_at is not None:
            body = self._cluster_at + len(_CLUSTER) + 8
            self._cluster_sizes.append((body - 8, _fixed_size(self._size - body)))


@dataclass(frozen=True, slots=True)
class Mended:
    blocks: int
    dur_ms: int
    "To the end of the last frame, whose own length is taken to be that of the one before."


def mend(path: Path) -> Mended:
    """Finish a file whose writer died: cut off the torn end, patch the sizes. Mending again
    changes nothing. A file without a whole block is left with none."""
    with path.open("r+b") as file:
        scan = _Scan(file)
        times = [at for at, _ in scan.blocks()]
        duration = times[-1] + (times[-1] - times[-2] if len(times) > 1 else 20) if times else 0
        file.truncate(scan.end)
        for offset, patch in scan.patches(duration):
            file.seek(offset)
            file.write(patch)
        file.flush()
        os.fsync(file.fileno())
    return Mended(len(times), duration)


class _Scan:
    """Walks a file this module wrote, as far as it is whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.end = 0
        self._segment_body = 0
        self._duration_at: int | None = None
        self._clusters: list[list[int]] = []
        "Body offset and end of each cluster."

    def blocks(self) -> Iterator[tuple[int, int]]:
        """(time in ms, bytes) of every whole block."""
        self._file.seek(0, os.SEEK_END)
        total = self._file.tell()
        at, cluster_ms, in_cluster = 0, 0, False
        while head := self._element_at(at):
            tag, body, size = head
            if tag == _SEGMENT:
                self._segment_body, at = body, body
                continue
            if tag == _CLUSTER:
                # A cluster counts once its first block does.
                in_cluster, at = True, body
                pending = [body, body]
                continue
            if size is None or size > SCAN_LIMIT or body + size > total:
                return
            at = body + size
            if tag == _INFO:
                self._find_duration(body, size)
            elif in_cluster and tag == _CLUSTER_TIME:
                self._file.seek(body)
                cluster_ms = int.from_bytes(self._file.read(size), "big")
                self._clusters.append(pending)
                continue
            elif in_cluster and tag == _BLOCK:
                self._file.seek(body)
                block = self._file.read(4)
                if len(block) < 4 or block[0] != 0x81:
                    return
                self._clusters[-1][1] = self.end = at
                yield cluster_ms + struct.unpack(">h", block[1:3])[0], size - 4
                continue
            elif in_cluster:
                return
            self.end = at

    def patches(self, duration_ms: int) -> list[tuple[int, bytes]]:
        found = [(body - 8, _fixed_size(end - body)) for body, end in self._clusters if end > body]
        if self._segment_body:
            found.append((self._segment_body - 8, _fixed_size(self.end - self._segment_body)))
        if self._duration_at is not None:
            found.append((self._duration_at, struct.pack(">d", float(duration_ms))))
        return found

    def _find_duration(self, body: int, size: int) -> None:
        self._file.seek(body)
        at = self._file.read(size).find(_DURATION + b"\x88")
        self._duration_at = body + at + 3 if at >= 0 else None

    def _element_at(self, at: int) -> tuple[bytes, int, int | None] | None:
        """(id, offset of the body, its size or None when unknown); None where there is none."""
        self._file.seek(at)
        head = self._file.read(12)
        if not head or not head[0] & 0xF0:
            return None
        id_length = 9 - head[0].bit_length()
        if len(head) <= id_length or head[id_length] == 0:
            return None
        size_length = 9 - head[id_length].bit_length()
        raw = head[id_length : id_length + size_length]
        if len(raw) < size_length:
            return None
        mask = (1 << 7 * size_length) - 1
        size = int.from_bytes(raw, "big") & mask
        body = at + id_length + size_length
        return head[:id_length], body, None if size == mask else size


def _head(track: TrackFormat) -> tuple[bytes, int]:
    doctype, codec_id = _CODEC_IDS[track.codec]
    ebml = _element(
        b"\x1a\x45\xdf\xa3",
        _element(b"\x42\x86", b"\x01")
        + _element(b"\x42\xf7", b"\x01")
        + _element(b"\x42\xf2", b"\x04")
        + _element(b"\x42\xf3", b"\x08")
        + _element(b"\x42\x82", doctype.encode())
        + _element(b"\x42\x87", b"\x04")
        + _element(b"\x42\x85", b"\x02"),
    )
    info = _element(
        _INFO,
        _element(b"\x2a\xd7\xb1", _number(1_000_000))  # a tick is one millisecond
        + _element(b"\x4d\x80", b"parley")
        + _element(b"\x57\x41", b"parley")
        + _element(_DURATION, struct.pack(">d", 0.0)),
    )
    if track.codec == "OPUS":
        kind = b"\x02"
        # RFC 7845, section 5.1: version 1, two channels, nothing to skip, 48 kHz, no gain.
        private = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48_000, 0, 0)
        details = _element(b"\x56\xbb", _number(80_000_000)) + _element(
            b"\xe1", _element(b"\xb5", struct.pack(">d", 48_000.0)) + _element(b"\x9f", b"\x02")
        )
    else:
        kind, private = b"\x01", track.private
        details = _element(
            b"\xe0",
            _element(b"\xb0", _number(track.width)) + _element(b"\xba", _number(track.height)),
        )
    entry = (
        _element(b"\xd7", b"\x01")
        + _element(b"\x73\xc5", b"\x01")
        + _element(b"\x83", kind)
        + _element(b"\x9c", b"\x00")
        + _element(b"\x86", codec_id)
        + (_element(b"\x63\xa2", private) if private else b"")
        + details
    )
    before = ebml + _SEGMENT + _UNKNOWN
    return before + info + _element(_TRACKS, _element(b"\xae", entry)), len(before) + len(info) - 8


def _element(tag: bytes, body: bytes) -> bytes:
    size = len(body)
    if size < 127:
        return tag + bytes((0x80 | size,)) + body
    if size < 0x3FFF:
        return tag + struct.pack(">H", 0x4000 | size) + body
    return tag + struct.pack(">I", 0x1000_0000 | size) + body


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _fixed_size(size: int) -> bytes:
    return struct.pack(">Q", 1 << 56 | size)
