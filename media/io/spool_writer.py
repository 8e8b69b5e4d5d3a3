"""The files of recordings being made. Used by the recorder's one thread only.

What goes wrong on the disk ends here: the segment it happened to is closed as far as it got, the
next one is tried anew, and the call never hears of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from infra.contract.ids import PodId, RecordingId, RoomId, SpoolId, TenantId, TrackId
from infra.contract.views import TrackView
from infra.storage.spool import (
    Gap,
    Header,
    ManifestFile,
    Opened,
    Segment,
    StillWritten,
    part_path,
    sha256_of,
)
from infra.storage.webm import SUFFIX, CodecName, Mended, TrackFormat, Writer, mend
from media.core.segments import Begin, End, Output, Put, RtpIn, SenderClock, TrackCutter

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class RecorderStats:
    """Counters since the process started, and how things stand now."""

    segments: int = 0
    bytes: int = 0
    dropped: int = 0
    "Packets the writer was too slow for, or had no file to put in. Up: the disk is slow or full."
    lost: int = 0
    "Packets that never came."
    unsupported: int = 0
    "Packets of codecs that are not recorded."
    broken: int = 0
    "Times a track could not be cut, or an order not carried out: bugs, kept from the others."
    write_errors: int = 0
    degraded: bool = False
    "The last attempt to write failed: what is recorded has holes."


@dataclass(frozen=True, slots=True)
class PartOrder:
    """One recording under one epoch, as the pod was told to make it."""

    recording_id: RecordingId
    room_id: RoomId
    tenant_id: TenantId
    epoch: int
    pod_id: PodId
    spool_id: SpoolId
    started_at: datetime
    zero_at: float
    "Monotonic seconds at the recording's start."


class _File:
    """One segment on its way to the disk."""

    def __init__(self, path: Path, begin: Begin, codec: CodecName, opened: Opened) -> None:
        self.path = path
        self.opened = opened
        self._writer = Writer(TrackFormat(codec, begin.width, begin.height, begin.private))
        self._fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        self._size = 0
        try:
            self._append(self._writer.head)
        except OSError:
            os.close(self._fd)
            path.unlink()
            raise

    def add(self, put: Put) -> None:
        self._append(self._writer.add(put.at_ms, put.data, keyframe=put.keyframe))

    def abandon(self) -> Mended:
        """Make a file of what came to the disk before it refused. Raises OSError."""
        try:
            os.ftruncate(self._fd, self._size)
        finally:
            os.close(self._fd)
        return mend(self.path)

    def finish(self, dur_ms: int) -> int:
        """Make it a whole file on the disk; its size. Raises OSError."""
        try:
            for offset, patch in self._writer.finish(dur_ms):
                os.pwrite(self._fd, patch, offset)
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
        return self._size

    def _append(self, data: bytes) -> None:
        if os.pwrite(self._fd, data, self._size) != len(data):
            raise OSError(28, "the disk took only a part")
        self._size += len(data)


class _Track:
    def __init__(self, view: TrackView, cutter: TrackCutter) -> None:
        self.view = view
        self.cutter = cutter
        self.n = 0
        self.file: _File | None = None


class PartWriter:
    """Writes one part. Its methods raise neither for the disk nor for what participants send: they
    count, and note it once."""

    def __init__(
        self,
        root: Path,
        order: PartOrder,
        *,
        segment_s: float,
        stats: RecorderStats,
        closed_segment: Callable[[], None],
    ) -> None:
        self.order = order
        self._path = part_path(root, order.recording_id, order.epoch)
        self._segment_s = segment_s
        self._stats = stats
        self._closed_segment = closed_segment
        self._tracks: dict[TrackId, _Track] = {}
        self._clocks: dict[object, SenderClock] = {}
        self._manifest: ManifestFile | None = None
        self._unlisted: list[Segment] = []
        "Closed, but the manifest could not be written."
        self._needs_repair = False
        "A file is there that could not be finished: the part is left open for whoever can."
        self._said = False
        "That the disk refused; once is enough."

    def begin(self) -> None:
        """Leave a sign of the part before there is anything to put in it."""
        try:
            self._open_manifest()
        except OSError as error:
            self._failed(error)

    def add_track(self, view: TrackView) -> None:
        self._tracks[view.track_id] = _Track(view, self._cutter(view))

    def _cutter(self, view: TrackView) -> TrackCutter:
        clock = self._clocks.setdefault(view.participant_id, SenderClock())
        return TrackCutter(
            view.kind, segment_s=self._segment_s, zero_at=self.order.zero_at, clock=clock
        )

    def remove_track(self, track_id: TrackId) -> None:
        track = self._tracks.pop(track_id, None)
        if track is None:
            return
        self._cut(track, track.cutter.end)
        self._count(track.cutter)
        participant = track.view.participant_id
        if all(other.view.participant_id != participant for other in self._tracks.values()):
            # They may come back on another machine, with another clock.
            self._clocks.pop(participant, None)

    def mute_track(self, track_id: TrackId) -> None:
        if track := self._tracks.get(track_id):
            self._cut(track, track.cutter.pause)

    def packet(self, track_id: TrackId, packet: RtpIn) -> None:
        if track := self._tracks.get(track_id):
            self._cut(track, partial(track.cutter.push, packet))

    def tick(self, now: float) -> None:
        for track in self._tracks.values():
            self._cut(track, partial(track.cutter.tick, now))
        if self._unlisted:
            self._list()

    def wants_keyframe(self) -> set[TrackId]:
        return {id for id, track in self._tracks.items() if track.cutter.wants_keyframe}

    def close(self) -> None:
        """Close every segment and the part."""
        for track_id in list(self._tracks):
            self.remove_track(track_id)
        self._list()
        try:
            manifest = self._open_manifest()
            if not self._unlisted and not self._needs_repair:
                manifest.end()
        except OSError as error:
            self._failed(error)
        finally:
            # Without its last line a repair finds the part, and finishes it.
            if self._manifest is not None:
                self._manifest.release()

    def _cut(self, track: _Track, step: Callable[[], list[Output]]) -> None:
        try:
            outputs = step()
        except Exception:
            # Bytes that trip the cutter cost whoever sent them this segment's end, and nobody
            # else anything. What it was in the middle of is not known: another takes its place.
            if not self._stats.broken:
                log.exception("a track could not be cut; more of these are only counted")
            self._stats.broken += 1
            self._count(track.cutter)
            track.cutter = self._cutter(track.view)
            self._salvage(track)
            return
        for output in outputs:
            try:
                if isinstance(output, Begin):
                    self._begin(track, output)
                elif isinstance(output, Put):
                    if track.file is None:
                        self._stats.dropped += 1
                    else:
                        track.file.add(output)
                else:
                    self._end(track, output)
            except OSError as error:
                self._failed(error)
                self._needs_repair = self._needs_repair or isinstance(output, End)
                self._salvage(track)

    def _begin(self, track: _Track, begin: Begin) -> None:
        codec: CodecName = begin.codec  # type: ignore[assignment]  # the cutter knows no others
        view, n = track.view, track.n
        # A number is used once, also when nothing comes of it.
        track.n += 1
        opened = Opened(
            track=view.track_id,
            participant=view.participant_id,
            kind=view.kind,
            source=view.source,
            codec=codec,
            epoch=self.order.epoch,
            n=n,
            file=f"{view.track_id}-{n:05d}.{SUFFIX[codec]}",
            t0_ms=begin.t0_ms,
        )
        self._open_manifest().opened(opened)
        track.file = _File(self._path / opened.file, begin, codec, opened)

    def _end(self, track: _Track, end: End) -> None:
        file, track.file = track.file, None
        if file is None:
            return
        size = file.finish(end.dur_ms)
        self._close_segment(
            file,
            size,
            end.t0_ms,
            end.dur_ms,
            tuple(Gap(at_ms=g.at_ms, dur_ms=g.dur_ms, why=g.why) for g in end.gaps),
        )
        if not self._unlisted:
            self._stats.degraded = False

    def _salvage(self, track: _Track) -> None:
        """Keep what the segment holds so far, and try again with the next one."""
        file, track.file = track.file, None
        if file is None:
            return
        try:
            left = file.abandon()
            if left.blocks == 0:
                file.path.unlink()
                return
            size = file.path.stat().st_size
            self._close_segment(file, size, file.opened.t0_ms, left.dur_ms, ())
        except OSError as error:
            self._needs_repair = True
            self._failed(error)

    def _count(self, cutter: TrackCutter) -> None:
        self._stats.lost += cutter.lost
        self._stats.unsupported += cutter.unsupported

    def _close_segment(
        self, file: _File, size: int, t0_ms: int, dur_ms: int, gaps: tuple[Gap, ...]
    ) -> None:
        known = file.opened.model_dump(exclude={"t0_ms"})
        self._unlisted.append(
            Segment(
                **known,
                t0_ms=t0_ms,
                dur_ms=dur_ms,
                bytes=size,
                sha256=sha256_of(file.path),
                gaps=gaps,
            )
        )
        self._stats.segments += 1
        self._stats.bytes += size
        self._list()

    def _list(self) -> None:
        try:
            while self._unlisted:
                self._open_manifest().add(self._unlisted[0])
                del self._unlisted[0]
                self._closed_segment()
        except OSError as error:
            self._failed(error)

    def _open_manifest(self) -> ManifestFile:
        """The manifest, its header written. Raises OSError."""
        if self._manifest is None:
            try:
                manifest = ManifestFile(self._path)
            except StillWritten as error:
                raise OSError(11, "somebody else writes this part") from error
            try:
                manifest.begin(
                    Header(
                        recording=self.order.recording_id,
                        room=self.order.room_id,
                        tenant=self.order.tenant_id,
                        epoch=self.order.epoch,
                        pod=self.order.pod_id,
                        spool=self.order.spool_id,
                        started_at=self.order.started_at,
                    )
                )
            except OSError:
                manifest.release()
                raise
            self._manifest = manifest
        return self._manifest

    def _failed(self, error: OSError) -> None:
        self._stats.write_errors += 1
        self._stats.degraded = True
        if not self._said:
            self._said = True
            log.error(
                "recording degraded",
                recording_id=str(self.order.recording_id),
                epoch=self.order.epoch,
                error=error.strerror,
            )
