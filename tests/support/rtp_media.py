"""Encoded media cut into RTP packets, as a publisher would send them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from media.engine.port import Codec, SourceId, Tap, TapPacket

OPUS = Codec("OPUS", 111, 48_000)
VP8 = Codec("VP8", 96, 90_000)
H264 = Codec("H264", 102, 90_000)
MTU = 1100

Pixel = tuple[int, int, int]


class TapEngine:
    """The part of an engine the recorder uses: taps that a test plays packets into."""

    def __init__(self) -> None:
        self.taps: dict[SourceId, Tap] = {}
        self.asked: list[SourceId] = []
        "Sources a keyframe was asked of."

    def tap(self, source: SourceId, tap: Tap | None) -> None:
        if tap is None:
            del self.taps[source]
        else:
            self.taps[source] = tap

    def request_keyframe(self, source: SourceId) -> None:
        self.asked.append(source)

    def play(self, packets: Iterable[TapPacket]) -> None:
        """Packets of muted or removed sources go nowhere, as in a real engine."""
        for packet in packets:
            if packet.source in self.taps:
                self.taps[packet.source](packet)


def tone(seconds: float, hertz: float = 440.0) -> list[bytes]:
    """Opus packets of 20 ms."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "flt"
    encoder.bit_rate = 32_000
    packets: list[bytes] = []
    for n in range(round(seconds * 50)):
        at = (np.arange(960) + n * 960) / 48_000
        wave = (0.5 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
        frame = AudioFrame.from_ndarray(wave.repeat(2)[None, :], format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, n * 960, Fraction(1, 48_000)
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def pictures(
    codec: Codec,
    seconds: float,
    *,
    colour: Callable[[float], Pixel] = lambda _: (200, 40, 40),
    size: tuple[int, int] = (160, 120),
    rate: int = 25,
    keyframe_every_s: float = 1.0,
    busy: bool = False,
) -> list[bytes]:
    """Encoded frames: VP8 as it is, H.264 in Annex B form. `colour` by the second.

    `busy`: so much detail that frames take several packets.
    """
    random = np.random.default_rng(1)
    encoder = av.CodecContext.create({"VP8": "libvpx", "H264": "libx264"}[codec.name], "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, rate)
    encoder.framerate = Fraction(rate, 1)
    encoder.bit_rate = 200_000
    encoder.gop_size = round(keyframe_every_s * rate)
    encoder.options = (
        {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        if codec.name == "VP8"
        else {"preset": "ultrafast", "tune": "zerolatency"}
    )
    frames: list[bytes] = []
    for n in range(round(seconds * rate)):
        image = np.empty((size[1], size[0], 3), np.uint8)
        image[:] = random.integers(0, 255, image.shape) if busy else colour(n / rate)
        frame = VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = n, Fraction(1, rate)
        frames += [bytes(packet) for packet in encoder.encode(frame)]
    return frames


def sent(
    frames: Iterable[bytes],
    *,
    source: int,
    codec: Codec,
    interval_s: float,
    at: float = 100.0,
    sequence: int = 1000,
    timestamp: int = 5_000_000,
    ntp_at: float | None = None,
) -> list[TapPacket]:
    """Packets arriving in time, the first at monotonic second `at`.

    `ntp_at` is what the sender's clock shows at the first frame; None: no sender report yet.
    """
    packets: list[TapPacket] = []
    for n, frame in enumerate(frames):
        payloads = list(_PACKETIZE[codec.name](frame))
        for index, payload in enumerate(payloads):
            packets.append(
                TapPacket(
                    source=SourceId(source),
                    codec=codec,
                    sequence=sequence + len(packets),
                    timestamp=timestamp + round(n * interval_s * codec.clock_rate),
                    marker=index == len(payloads) - 1,
                    payload=payload,
                    arrived_at=at + n * interval_s,
                    ntp_time=None if ntp_at is None else ntp_at + n * interval_s,
                )
            )
    return packets


def without(packets: Iterable[TapPacket], sequences: Iterable[int]) -> list[TapPacket]:
    gone = set(sequences)
    return [packet for packet in packets if packet.sequence not in gone]


def later(packets: Iterable[TapPacket], seconds: float) -> list[TapPacket]:
    """The same packets, arriving later."""
    return [replace(packet, arrived_at=packet.arrived_at + seconds) for packet in packets]


def merged(*streams: Iterable[TapPacket]) -> list[TapPacket]:
    """In order of arrival."""
    return sorted((p for stream in streams for p in stream), key=lambda p: p.arrived_at)


def _whole(frame: bytes) -> Iterator[bytes]:
    yield frame


def _vp8(frame: bytes) -> Iterator[bytes]:
    # RFC 7741, section 4.2: S set on a frame's first packet; a 15-bit picture id rides along.
    for at in range(0, len(frame), MTU):
        yield bytes((0x90 if at == 0 else 0x80, 0x80, 0x80, 0x01)) + frame[at : at + MTU]


def _h264(frame: bytes) -> Iterator[bytes]:
    units = [
        u.rstrip(b"\x00")
        for u in frame.replace(b"\x00\x00\x01", b"\x00\x00\x00\x01").split(b"\x00\x00\x00\x01")
    ]
    units = [unit for unit in units if unit]
    small = [unit for unit in units if len(unit) < 200]
    if len(small) > 1:
        # RFC 6184, section 5.7.1: parameter sets travel together.
        yield b"\x78" + b"".join(len(u).to_bytes(2, "big") + u for u in small)
        units = [unit for unit in units if len(unit) >= 200]
    for unit in units:
        if len(unit) <= MTU:
            yield unit
            continue
        head, kind, body = unit[0] & 0xE0 | 28, unit[0] & 0x1F, unit[1:]
        for at in range(0, len(body), MTU):
            flags = (0x80 if at == 0 else 0) | (0x40 if at + MTU >= len(body) else 0)
            yield bytes((head, flags | kind)) + body[at : at + MTU]


_PACKETIZE: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "OPUS": _whole,
    "VP8": _vp8,
    "H264": _h264,
}


def decoded(path: Path) -> list[Any]:
    """Every frame of the file's first stream."""
    with av.open(str(path)) as file:
        return list(file.decode(file.streams[0]))
