"""Sound to test with, and files that hold it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from infra.storage.webm import TrackFormat, Writer
from workers.transcripts.track import RATE, Segment

Sound = NDArray[np.float32]
SPEECH = Path(__file__).parents[2] / "infra" / "demo" / "speech"
MODEL = Path(__file__).parents[2] / "infra" / "demo" / "tiny-whisper"


def silence(seconds: float, rate: int = RATE) -> Sound:
    return np.zeros(round(seconds * rate), np.float32)


def beep(seconds: float, rate: int = RATE) -> Sound:
    at = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * 880 * at)).astype(np.float32)


def beeps_at(starts_s: Sequence[float], length_s: float, rate: int = RATE) -> Sound:
    """Silence of `length_s` with a beep of one second at each start."""
    sound = silence(length_s, rate)
    for start in starts_s:
        at = round(start * rate)
        sound[at : at + rate] = beep(1.0, rate)[: len(sound) - at]
    return sound


def heard_at(sound: Sound) -> list[float]:
    """Where beeps begin, in seconds to a tenth."""
    tenths = [np.abs(sound[at : at + RATE // 10]).max() > 0.2 for at in range(0, len(sound), 1600)]
    return [at / 10 for at, on in enumerate(tenths) if on and not (at and tenths[at - 1])]


def write(
    path: Path,
    sound: Sound,
    *,
    codec: str = "libopus",
    rate: int = 48_000,
    layout: str = "mono",
    holes_s: Sequence[tuple[float, float]] = (),
) -> Path:
    """Encode `sound`, leaving out packets in `holes_s` while the clock goes on."""
    step = rate // 50  # the 20 ms frames of WebRTC
    form = {"libopus": "flt", "pcm_s16le": "s16", "aac": "fltp", "flac": "s16"}[codec]
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        for at in range(0, len(sound), step):
            if any(start <= at / rate < end for start, end in holes_s):
                continue
            part = sound[at : at + step]
            part = np.pad(part, (0, step - len(part)))
            channels = np.tile(part, (len(stream.layout.channels), 1))
            if form == "s16":
                channels = (channels * 32_767).astype(np.int16)
            if not form.endswith("p"):
                channels = channels.T.reshape(1, -1)
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(channels), form, layout)
            frame.sample_rate, frame.pts = rate, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def damage(path: Path, *, at: float, count: int) -> Path:
    """Overwrite `count` bytes from the fraction `at` of the file on."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    data[start : start + count] = bytes((37 * i + 11) % 256 for i in range(count))
    path.write_bytes(data)
    return path


def cut_off(path: Path, fraction: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def recorded(source: Path, folder: Path, *, every_ms: int, t0_ms: int) -> list[Segment]:
    """An Ogg/Opus file as a recorder leaves it: its packets in WebM files, one after another."""
    segments: list[Segment] = []
    with av.open(str(source)) as file:
        packets = [bytes(p) for p in file.demux(audio=0) if p.size]
    for first in range(0, len(packets), every_ms // 20):
        part = packets[first : first + every_ms // 20]
        writer = Writer(TrackFormat("OPUS"))
        data = bytearray(writer.head)
        for n, packet in enumerate(part):
            data += writer.add(n * 20, packet, keyframe=True)
        for offset, patch in writer.finish(len(part) * 20):
            data[offset : offset + len(patch)] = patch
        path = folder / f"{first:05d}.webm"
        path.write_bytes(data)
        segments.append(Segment(path, t0_ms + first * 20, len(part) * 20))
    return segments
