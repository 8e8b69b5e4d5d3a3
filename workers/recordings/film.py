"""One playable file of a recording: everybody's pictures in a grid, everybody's sound in one.

Runs in a child process, being where foreign media is decoded. Memory does not grow with length:
pictures and sound are made and written a moment at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from workers.recordings.reels import RATE, Sound, picture_size, pictures, sound
from workers.recordings.timeline import (
    Box,
    Clip,
    Showing,
    boxes,
    canvas,
    end_ms,
    fit,
    showings,
    tracks,
    usable,
)

FPS = 25
MOMENT_MS = 400
"Made at a time: how far sound and pictures are apart in the file."
STILL_MS = 1000
"A picture in which nothing changes is repeated this often."
TELL_EVERY_MS = 4000
VIDEO_OPTIONS = {"preset": "veryfast", "crf": "27", "x264-params": "keyint=100:scenecut=0"}
AUDIO_BPS = 96_000
MOST_THREADS = 4


class NothingToShow(Exception):
    """No clip holds anything."""


class BadFilm(Exception):
    """What was made is not what should have been made."""


def make(clips: Sequence[Clip], target: Path) -> Iterator[int]:
    """Write the film. Yields how far it is, in ms, now and then. Raises NothingToShow."""
    clips = usable(clips)
    length = end_ms(clips)
    seen = [clip for clip in clips if clip.kind == "video"]
    heard = [clip for clip in clips if clip.kind == "audio"]
    if length == 0:
        raise NothingToShow("nothing was recorded")
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        picture = _Picture(film, seen, length) if seen else None
        mix = _Mix(film, heard, length) if heard else None
        told = 0
        for at in range(0, length, MOMENT_MS):
            until = min(at + MOMENT_MS, length)
            if picture is not None:
                picture.write(until)
            if mix is not None:
                mix.write(until)
            if until - told >= TELL_EVERY_MS:
                told = until
                yield until
        if picture is not None:
            picture.finish()
        if mix is not None:
            mix.finish()
    yield length


def check(film: Path, expected_ms: int) -> Iterator[int]:
    """Decode it all; yields how far it is, as `make` does. Raises BadFilm unless every stream
    decodes, and lasts as long as it should."""
    told = 0
    try:
        with av.open(str(film)) as file:
            ends = {stream.index: 0.0 for stream in file.streams}
            for packet in file.demux():
                for frame in packet.decode():
                    if not isinstance(frame, VideoFrame | AudioFrame) or frame.time is None:
                        continue
                    length = frame.samples / RATE if isinstance(frame, AudioFrame) else 1 / FPS
                    end_s = max(ends[packet.stream.index], frame.time + length)
                    ends[packet.stream.index] = end_s
                    if end_s * 1000 - told >= TELL_EVERY_MS:
                        told = int(end_s * 1000)
                        yield told
    except av.error.FFmpegError as error:
        raise BadFilm(f"does not decode: {error}") from error
    for end in ends.values() or (0.0,):
        if abs(end * 1000 - expected_ms) > 500:
            raise BadFilm(f"lasts {end:.1f} s instead of {expected_ms / 1000:.1f} s")


def look_through(clip: Clip) -> None:
    """Decode it and make nothing of it: whoever does that and dies knows what of."""
    for _ in pictures((clip,)) if clip.kind == "video" else sound((clip,)):
        pass


class _Picture:
    def __init__(self, film: OutputContainer, clips: Sequence[Clip], length: int) -> None:
        shown = showings(clips)
        places = max(showing.place for showing in shown) + 1
        sizes = [picture_size(showing.clips[0]) for showing in shown]
        width, height = canvas(places, max(w for w, _ in sizes), max(h for _, h in sizes))
        self._tiles = [_Tile(box) for box in boxes(places, width, height)]
        self._waiting = shown[::-1]
        self._length = length
        self._film = film
        self._stream = film.add_stream("libx264", rate=FPS, options=VIDEO_OPTIONS)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, FPS)
        self._stream.codec_context.thread_count = min(MOST_THREADS, os.cpu_count() or 1)
        self._canvas = _Canvas(width, height)
        self._n = 0
        self._written_ms = -STILL_MS

    def write(self, until_ms: int) -> None:
        """Every picture before this time."""
        while (now := self._n * 1000 // FPS) < until_ms:
            self._show(now)
            self._n += 1

    def finish(self) -> None:
        self._film.mux(self._stream.encode(None))

    def _show(self, now: int) -> None:
        while self._waiting and self._waiting[-1].start_ms <= now:
            showing = self._waiting.pop()
            self._tiles[showing.place].begin(showing)
        changed = [tile.draw(now, self._canvas) for tile in self._tiles]
        last = now + 2000 // FPS > self._length
        if any(changed) or last or now - self._written_ms >= STILL_MS:
            frame = self._canvas.frame()
            frame.pts, frame.time_base = self._n, Fraction(1, FPS)
            self._film.mux(self._stream.encode(frame))
            self._written_ms = now


class _Canvas:
    """A picture in planes: brightness, and two of colour at half the size."""

    def __init__(self, width: int, height: int) -> None:
        self._packed: NDArray[np.uint8] = np.empty((height * 3 // 2, width), np.uint8)
        flat, size = self._packed.reshape(-1), width * height
        half = (height // 2, width // 2)
        self._planes = (
            flat[:size].reshape(height, width),
            flat[size : size + size // 4].reshape(half),
            flat[size + size // 4 :].reshape(half),
        )
        self.blacken(Box(0, 0, width, height))

    def blacken(self, box: Box) -> None:
        for plane, value, area in zip(self._planes, (16, 128, 128), _areas(box), strict=True):
            plane[area] = value

    def paste(self, picture: VideoFrame, box: Box) -> None:
        scaled = picture.reformat(
            width=box.width, height=box.height, format="yuv420p", interpolation="FAST_BILINEAR"
        )
        flat, size = scaled.to_ndarray().reshape(-1), box.width * box.height
        half = (box.height // 2, box.width // 2)
        parts = (
            flat[:size].reshape(box.height, box.width),
            flat[size : size + size // 4].reshape(half),
            flat[size + size // 4 :].reshape(half),
        )
        for plane, part, area in zip(self._planes, parts, _areas(box), strict=True):
            plane[area] = part

    def frame(self) -> VideoFrame:
        return VideoFrame.from_ndarray(self._packed, format="yuv420p")


def _areas(box: Box) -> list[tuple[slice, slice]]:
    return [
        (slice(box.y // d, (box.y + box.height) // d), slice(box.x // d, (box.x + box.width) // d))
        for d in (1, 2, 2)
    ]


class _Tile:
    """One place of the grid, and whoever is in it."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._reel: Iterator[tuple[int, VideoFrame]] = iter(())
        self._next: tuple[int, VideoFrame] | None = None
        self._ends_ms = 0
        self._shape: tuple[int, int] | None = None
        "Of the picture that is shown; None: black."

    def begin(self, showing: Showing) -> None:
        self._reel = pictures(showing.clips)
        self._next = next(self._reel, None)
        self._ends_ms = showing.end_ms

    def draw(self, now: int, canvas: _Canvas) -> bool:
        """Bring the canvas up to this time; whether anything changed."""
        latest = None
        while self._next is not None and self._next[0] <= now:
            latest, self._next = self._next, next(self._reel, None)
        if latest is not None:
            shape = (latest[1].width, latest[1].height)
            if shape != self._shape:
                canvas.blacken(self._box)
                self._shape = shape
            canvas.paste(latest[1], fit(*shape, self._box))
            return True
        if self._shape is not None and now >= self._ends_ms:
            self._shape = None
            canvas.blacken(self._box)
            return True
        return False


class _Mix:
    def __init__(self, film: OutputContainer, clips: Sequence[Clip], length: int) -> None:
        self._film = film
        self._stream = film.add_stream("aac", rate=RATE, layout="stereo")
        self._stream.bit_rate = AUDIO_BPS
        self._voices = [_Voice(track) for track in tracks(clips)]
        self._at = 0

    def write(self, until_ms: int) -> None:
        until = until_ms * RATE // 1000
        block = np.zeros((2, until - self._at), np.float32)
        for voice in self._voices:
            voice.add(block, self._at)
        frame = AudioFrame.from_ndarray(_limited(block), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
        self._at = until
        self._film.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._film.mux(self._stream.encode(None))


class _Voice:
    """One track's sound, handed out as it falls due."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._clips = clips
        self._reel: Iterator[tuple[int, Sound]] | None = None
        self._next: tuple[int, Sound] | None = None

    def add(self, block: Sound, start: int) -> None:
        """Mix in what belongs into the block, whose first sample is number `start`."""
        end = start + block.shape[1]
        if self._reel is None:
            if self._clips[0].t0_ms * RATE // 1000 > end + RATE:
                return  # nothing is opened long before it is heard
            self._reel = sound(self._clips)
            self._next = next(self._reel, None)
        while self._next is not None and self._next[0] < end:
            at, piece = self._next
            skip = max(0, start - at)
            fits = piece[:, skip : end - at]
            if fits.shape[1]:
                block[:, at + skip - start : at + skip - start + fits.shape[1]] += fits
            if at + piece.shape[1] > end:
                self._next = (end, piece[:, end - at :])
                return
            self._next = next(self._reel, None)


def _limited(block: Sound) -> Sound:
    """Several loud people at once bend the peaks instead of breaking them."""
    size = np.abs(block)
    bent = 0.9 + 0.1 * np.tanh((size - 0.9) / 0.1)
    return np.where(size > 0.9, np.copysign(bent, block), block).astype(np.float32, copy=False)


def answer(head: dict[str, Any], _: list[bytes]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    clips = [Clip(**{**clip, "path": Path(clip["path"])}) for clip in head["clips"]]
    if "target" not in head:
        for clip in clips:
            look_through(clip)
        yield {"done": True}, []
        return
    dur_ms, target = 0, Path(head["target"])
    for dur_ms in make(clips, target):
        yield {"at_ms": dur_ms}, []
    for at_ms in check(target, dur_ms):
        yield {"checked_ms": at_ms}, []
    yield {"done": True, "dur_ms": dur_ms}, []


if __name__ == "__main__":
    from workers.child import serve

    serve(answer, refusals=(NothingToShow, BadFilm))
