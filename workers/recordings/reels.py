"""Clips decoded in the order of the recording's clock. What does not decode is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from workers.recordings.timeline import Clip

RATE = 48_000
MOST_PIXELS = 5120 * 2880
"Of a picture that is shown. Decoders keep several, and there are as many decoders as people."
NEAR = RATE // 50
"Samples a packet may lie off before sound is moved for it: timestamps are whole milliseconds."

Sound = NDArray[np.float32]
"Two rows, left and right."


def open_clip(clip: Clip) -> InputContainer:
    """Raises av.error.FFmpegError. Reads this file and no other it may name."""
    return av.open(
        f"file:{clip.path.absolute()}",
        options={"protocol_whitelist": "file", "format_whitelist": "matroska,webm"},
    )


def picture_size(clip: Clip) -> tuple[int, int]:
    """As the file's header says; nothing for a file that cannot be read."""
    try:
        with open_clip(clip) as file:
            if not file.streams.video:
                return 0, 0
            return file.streams.video[0].width, file.streams.video[0].height
    except av.error.FFmpegError:
        return 0, 0


def pictures(clips: Sequence[Clip]) -> Iterator[tuple[int, VideoFrame]]:
    """Every picture with its time in ms. Each clip begins with a keyframe."""
    for clip in clips:
        try:
            with open_clip(clip) as file:
                if not file.streams.video:
                    continue
                stream = file.streams.video[0]
                if stream.width * stream.height > MOST_PIXELS:
                    continue
                # Many are open at once: threads and their frames would be, too.
                stream.codec_context.thread_count = 1
                for packet in _packets(file, stream):
                    for frame in _decoded(packet):
                        if isinstance(frame, VideoFrame) and frame.pts is not None:
                            yield clip.t0_ms + _ms(frame.pts, frame.time_base), frame
        except av.error.FFmpegError:
            continue


def sound(clips: Sequence[Clip]) -> Iterator[tuple[int, Sound]]:
    """A track's sound with its place in samples. One decoder for all clips: it has a memory, and
    would begin each segment with a click."""
    decoder = av.CodecContext.create("opus", "r")
    due = -1
    for clip in clips:
        try:
            with open_clip(clip) as file:
                if not file.streams.audio:
                    continue
                stream = file.streams.audio[0]
                for packet in _packets(file, stream):
                    at = (clip.t0_ms + _ms(packet.pts or 0, packet.time_base)) * RATE // 1000
                    for frame in _decoded(packet, decoder):
                        if not isinstance(frame, AudioFrame) or frame.sample_rate != RATE:
                            continue
                        place = due if abs(at - due) <= NEAR else at
                        piece = _stereo(frame)
                        due = at = place + piece.shape[1]
                        yield place, piece
        except av.error.FFmpegError:
            continue


def _packets(file: InputContainer, stream: Any) -> Iterator[Packet[Any]]:
    for packet in file.demux(stream):
        if packet.size and packet.pts is not None:
            yield packet


def _decoded(packet: Packet[Any], decoder: Any = None) -> list[Any]:
    try:
        return list(packet.decode() if decoder is None else decoder.decode(packet))
    except av.error.FFmpegError:
        return []


def _ms(pts: int, time_base: Any) -> int:
    return round(float(pts * time_base) * 1000)


def _stereo(frame: AudioFrame) -> Sound:
    samples: Sound = frame.to_ndarray().astype(np.float32, copy=False)
    if samples.shape[0] == 1:
        samples = samples.repeat(2, axis=0)
    # One impossible sample would silence everybody for a while.
    return np.clip(np.nan_to_num(samples[:2]), -4.0, 4.0)
