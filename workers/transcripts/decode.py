"""Audio files to 16 kHz mono on the container's own clock: what is not there is silence.

Muted stretches, lost packets and damage leave holes in a file's timestamps. A decoder that joins
what is left moves every later word forward; here a hole keeps its length. Memory stays flat: sound
comes out in blocks of at most :data:`BLOCK` samples, whatever the file holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from workers.transcripts.track import PER_MS, RATE, Loss, Reason, Samples, Segment, Undecodable

BLOCK = 10 * RATE
"Samples of the longest block."
TOLERANCE_MS = 50
"How far a timestamp may be off before it counts: containers round, and clocks wander."
STEP_BACK_MS = 1000
"A clock that goes back further than this was set anew; less is an overlap."
SHORT_MS = 250
"A file shorter than it says by more than this was cut off. Encoders round to whole frames."
MAX_MS = 24 * 3600 * 1000
"Longest timeline. A damaged timestamp cannot ask for more silence than this."
MAX_STREAMS = 64
MAX_FAILURES = 1000
"Times a file may be given another chance after something in it could not be taken apart."

DEMUXERS = (
    "ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,wav,w64,flac,mp3,aac,aiff,caf,au,amr,avi,asf,flv,mpegts,"
    "mpeg,ac3,eac3,ape,wv,tta"
)
"Formats that hold sound themselves. Playlists (hls, dash, concat) name other files: not here."
TELLS_LENGTH = (
    "matroska,webm",
    "mov,mp4,m4a,3gp,3g2,mj2",
    "wav",
    "flac",
    "w64",
    "aiff",
    "caf",
)
"Formats whose header says how long they are; elsewhere the length is a guess from the bit rate."


def read_timeline(
    segments: Iterable[Segment], losses: list[Loss], *, from_ms: int = 0
) -> Iterator[Samples]:
    """One continuous run of sound from `from_ms` on: the segments where they lie, silence between.

    What is missing is appended to `losses` before the block after it comes out; the reader may
    empty the list. Starting later gives exactly the samples of a full read from there, and does not
    open segments that end earlier. Raises :class:`Undecodable` only for a file of unknown length.
    """
    at = from_ms * PER_MS
    for segment in sorted(segments, key=lambda s: s.t0_ms):
        t0 = segment.t0_ms * PER_MS
        end = t0 + segment.dur_ms * PER_MS if segment.dur_ms is not None else None
        if end is not None and end <= at:
            continue
        if t0 > at:
            yield from _silence(t0 - at)
            at = t0
        where = t0
        for block in _read_segment(segment, losses):
            fresh = block[max(0, at - where) :]
            where += len(block)
            if len(fresh):
                at = where
                yield fresh


def _read_segment(segment: Segment, losses: list[Loss]) -> Iterator[Samples]:
    here: list[Loss] = []
    done = 0
    try:
        if segment.path is None:
            raise Undecodable("the segment is gone")
        for block in read_file(segment.path, here, dur_ms=segment.dur_ms):
            losses.extend(_shifted(here, segment.t0_ms))
            done += len(block)
            yield block
        losses.extend(_shifted(here, segment.t0_ms))
    except Undecodable:
        if segment.dur_ms is None:
            raise
        reason: Reason = "lost" if segment.path is None else "unreadable"
        rest = segment.dur_ms * PER_MS - done
        losses.append(Loss(segment.t0_ms + done // PER_MS, max(0, rest // PER_MS), reason))
        yield from _silence(max(0, rest))


def _shifted(here: list[Loss], t0_ms: int) -> list[Loss]:
    moved = [Loss(t0_ms + loss.start_ms, loss.missing_ms, loss.reason) for loss in here]
    here.clear()
    return moved


def read_file(path: Path, losses: list[Loss], *, dur_ms: int | None = None) -> Iterator[Samples]:
    """The first audio stream of a file, from the start of its clock.

    `dur_ms` is how long the file ought to be, when its recorder wrote that down. A file that ends
    early is filled up with silence and reported. Holes in the timestamps of a recorder's file are
    mutes; in any other file they are reported too. Raises :class:`Undecodable` when there
    is no sound in it at all, when it is a playlist, or when it is longer than :data:`MAX_MS`.
    """
    with _open(path) as container:
        if len(container.streams) > MAX_STREAMS or not container.streams.audio:
            raise Undecodable(f"{len(container.streams)} streams, none of them audio that we read")
        declared = dur_ms if dur_ms is not None else _declared_ms(container)
        line = _Line(container, losses, declared, holes_are_losses=dur_ms is None)
        yield from line.read(container.streams.audio[0])
        if container.format.name == "ogg" and not _ends(path):
            losses.append(Loss(line.length_ms, 0, "truncated"))


def _open(path: Path) -> InputContainer:
    try:
        if path.stat().st_size == 0:
            raise Undecodable("the file is empty")
        # "file:" keeps a name such as concat:a|b from being taken for a protocol.
        return av.open(
            f"file:{path.absolute()}",
            metadata_errors="ignore",
            options={"protocol_whitelist": "file", "format_whitelist": DEMUXERS},
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Undecodable(f"not a readable audio file: {error}") from error


def _declared_ms(container: InputContainer) -> int | None:
    if container.duration is None or container.format.name not in TELLS_LENGTH:
        return None
    return min(MAX_MS, container.duration // 1000)


def _ends(path: Path) -> bool:
    """Whether the last page of an Ogg file says it is the last (RFC 3533, section 6)."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65_307))  # the largest page
        tail = file.read()
    page = tail.rfind(b"OggS")
    return 0 <= page < len(tail) - 5 and bool(tail[page + 5] & 0x04)


def _silence(count: int) -> Iterator[Samples]:
    while count > 0:
        yield np.zeros(min(count, BLOCK), np.float32)
        count -= BLOCK


class _Line:
    """Decoded frames laid on a line of samples by their timestamps."""

    def __init__(
        self,
        container: InputContainer,
        losses: list[Loss],
        declared_ms: int | None,
        *,
        holes_are_losses: bool,
    ) -> None:
        self._container = container
        self._losses = losses
        self._declared_ms = declared_ms
        self._out = 0
        "Samples handed out."
        self._anchor = 0.0
        "Where the resampler's first frame lies, in samples."
        self._fed = 0.0
        "What went into the resampler since, in samples of the output."
        self._resampler: AudioResampler | None = None
        self._shape: tuple[object, ...] = ()
        self._origin: float | None = None
        self._hurt = False
        "Something could not be decoded since the last good frame."
        self._heard = False
        self._holes_are_losses = holes_are_losses

    @property
    def length_ms(self) -> int:
        return self._out // PER_MS

    def read(self, stream: AudioStream) -> Iterator[Samples]:
        start = self._container.start_time
        self._origin = None if start is None else start / 1_000_000
        for packet in self._packets(stream):
            self._hurt = self._hurt or packet.is_corrupt
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._hurt = True
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                    yield from self._lay(frame)
            if self._out > MAX_MS * PER_MS:
                raise Undecodable(f"longer than {MAX_MS // 3_600_000} hours")
        yield from self._drain()
        if not self._heard:
            raise Undecodable("no audio in it could be decoded")
        yield from self._fill_up()

    def _packets(self, stream: AudioStream) -> Iterator[Packet[Any]]:
        failures = 0
        while failures < MAX_FAILURES:
            try:
                yield from self._container.demux(stream)
                return
            except (av.error.FFmpegError, IndexError):
                # The next read goes on behind what the demuxer could not take apart. IndexError is
                # PyAV's for a packet of a stream that was not there when the file was opened.
                self._hurt = True
                failures += 1
        self._losses.append(Loss(self._out // PER_MS, 0, "damaged"))

    def _lay(self, frame: AudioFrame) -> Iterator[Samples]:
        position = self._anchor + self._fed
        length = frame.samples * RATE / frame.sample_rate
        due = self._due(frame, position)
        if due + length <= position - TOLERANCE_MS * PER_MS:
            return  # heard already
        if due > position + (0 if self._hurt else TOLERANCE_MS * PER_MS):
            yield from self._drain()
            hole = round(due) - self._out
            if self._hurt or (self._holes_are_losses and self._heard):
                self._lose(hole, "damaged" if self._hurt else "hole")
            self._out += max(0, hole)
            yield from _silence(hole)
            self._anchor, self._fed = float(self._out), 0.0
        try:
            pieces = self._resampled(frame)
        except av.error.FFmpegError:
            # A shape no sound has: it was made up from damaged bytes.
            self._hurt, self._resampler = True, None
            self._anchor, self._fed = float(self._out), 0.0
            return
        self._hurt, self._heard = False, True
        self._fed += length
        for piece in pieces:
            yield from self._hand_out(piece)

    def _due(self, frame: AudioFrame, position: float) -> float:
        """Where on the line the frame belongs; where it would come anyway if nothing sane says."""
        if frame.pts is None or frame.time_base is None:
            return position
        seconds = float(frame.pts * frame.time_base)
        if self._origin is None:
            self._origin = seconds
        due = (seconds - self._origin) * RATE
        limit = MAX_MS if self._declared_ms is None else self._declared_ms + STEP_BACK_MS
        if due > limit * PER_MS:
            return position
        if due < position - STEP_BACK_MS * PER_MS:
            self._origin = seconds - position / RATE
            return position
        return due

    def _resampled(self, frame: AudioFrame) -> list[AudioFrame]:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        before: list[AudioFrame] = []
        if self._resampler is None or shape != self._shape:
            before = self._rest()
            self._resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
            self._shape = shape
        frame.pts = None
        return before + self._resampler.resample(frame)

    def _drain(self) -> Iterator[Samples]:
        for piece in self._rest():
            yield from self._hand_out(piece)
        self._anchor, self._fed = float(self._out), 0.0

    def _rest(self) -> list[AudioFrame]:
        """What the resampler still holds; it is of no use afterwards."""
        resampler, self._resampler = self._resampler, None
        return resampler.resample(None) if resampler is not None else []

    def _hand_out(self, piece: AudioFrame) -> Iterator[Samples]:
        sound = piece.to_ndarray().reshape(-1)
        # A float file may hold anything, NaN included, and one NaN silences a whole window.
        sound = np.clip(np.nan_to_num(sound, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
        self._out += len(sound)
        for start in range(0, len(sound), BLOCK):
            yield sound[start : start + BLOCK].astype(np.float32)

    def _fill_up(self) -> Iterator[Samples]:
        if self._declared_ms is None:
            return
        short = self._declared_ms * PER_MS - self._out
        if short > SHORT_MS * PER_MS:
            self._lose(short, "truncated")
        self._out += max(0, short)
        yield from _silence(short)

    def _lose(self, count: int, reason: Reason) -> None:
        if count > 0:
            self._losses.append(Loss(self._out // PER_MS, count // PER_MS, reason))
