from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
import pytest

from infra.contract.ids import ParticipantId, PodId, RecordingId, RoomId, TenantId, TrackId, new_id
from infra.contract.live import RecordingOrder
from infra.contract.views import TrackView
from infra.storage.spool import (
    MANIFEST,
    Manifest,
    Segment,
    open_spool,
    parts,
    read_manifest,
    repair,
    sha256_of,
)
from media.engine.port import Engine, SourceId, TapPacket
from media.io.recorder import QUEUE_S, Recorder, share_used
from tests.support.rtp_media import (
    H264,
    OPUS,
    VP8,
    TapEngine,
    decoded,
    later,
    merged,
    pictures,
    sent,
    tone,
    without,
)

ROOM, TENANT = RoomId(new_id()), TenantId(new_id())
BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass
class Bench:
    """A recorder whose clock stands where the test puts it: at 100 s the recording begins."""

    root: Path
    recorder: Recorder
    engine: TapEngine
    now: list[float]
    reports: list[tuple[RecordingId, int, bool]] = field(default_factory=list)
    order: RecordingOrder = field(
        default_factory=lambda: RecordingOrder(recording_id=RecordingId(new_id()), started_at=BEGAN)
    )

    def start(self, epoch: int = 1) -> None:
        self.recorder.start(ROOM, TENANT, epoch, self.order)

    def track(
        self,
        source: int,
        kind: Literal["audio", "video"] = "audio",
        participant: ParticipantId | None = None,
    ) -> TrackView:
        view = TrackView(
            track_id=TrackId(new_id()),
            participant_id=participant or ParticipantId(new_id()),
            kind=kind,
            source="microphone" if kind == "audio" else "camera",
        )
        self.recorder.add_track(ROOM, view, SourceId(source))
        return view

    async def play(self, packets: list[TapPacket]) -> None:
        """In steps of a second, so that the writer keeps up as it does in life."""
        waiting = list(packets)
        while waiting:
            until = waiting[0].arrived_at + 1.0
            now = [p for p in waiting if p.arrived_at < until]
            self.engine.play(now)
            waiting = waiting[len(now) :]
            await self.settle()
            self.now[0] = now[-1].arrived_at

    async def settle(self) -> None:
        """Until the writer has looked at everything."""
        for _ in range(2):
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            self.recorder._tell(lambda: loop.call_soon_threadsafe(done.set))  # noqa: B023
            await done.wait()

    @property
    def part(self) -> Path:
        [(_, _, path)] = parts(self.root)
        return path

    def manifest(self) -> Manifest:
        return read_manifest((self.part / MANIFEST).read_bytes())

    def segments(self, track: TrackView) -> list[Segment]:
        return [s for s in self.manifest().segments if s.track == track.track_id]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    now = [100.0]
    engine = TapEngine()
    made: list[Bench] = []
    recorder = Recorder(
        tmp_path,
        open_spool(tmp_path),
        PodId(new_id()),
        cast(Engine, engine),
        segment_s=2.0,
        report=lambda *news: made[0].reports.append(news),
        wall=lambda: BEGAN + timedelta(seconds=now[0] - 100.0),
        clock=lambda: now[0],
    )
    made.append(Bench(tmp_path, recorder, engine, now))
    yield made[0]
    await recorder.close()


def loudness(path: Path) -> float:
    return float(np.sqrt(np.mean([np.mean(f.to_ndarray() ** 2) for f in decoded(path)])))


async def test_sound_is_cut_into_segments_that_follow_each_other(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)

    await bench.play(sent(tone(5.0), source=1, codec=OPUS, interval_s=0.02, at=103.0))
    await bench.recorder.stop(ROOM)

    segments = bench.segments(track)
    assert [(s.n, s.t0_ms, s.dur_ms) for s in segments] == [
        (0, 3000, 2000),
        (1, 5000, 2000),
        (2, 7000, 1000),
    ]
    for segment in segments:
        path = bench.part / segment.file
        assert (path.stat().st_size, sha256_of(path)) == (segment.bytes, segment.sha256)
        assert loudness(path) > 0.2
        assert sum(f.samples for f in decoded(path)) == segment.dur_ms * 48


async def test_every_closed_segment_and_the_end_are_reported(bench: Bench) -> None:
    bench.start(epoch=7)
    bench.track(1)

    await bench.play(sent(tone(3.0), source=1, codec=OPUS, interval_s=0.02))
    bench.recorder.tick(103.0)
    assert bench.reports == [(bench.order.recording_id, 7, False)]
    await bench.recorder.stop(ROOM)

    assert bench.reports[-1] == (bench.order.recording_id, 7, True)
    manifest = bench.manifest()
    assert manifest.closed and manifest.header.epoch == 7
    assert manifest.header.started_at == BEGAN
    assert bench.engine.taps == {}


@pytest.mark.parametrize("codec", [VP8, H264], ids=["vp8", "h264"])
async def test_video_is_cut_at_keyframes_and_decodes_from_each(bench: Bench, codec: Any) -> None:
    bench.start()
    track = bench.track(1, "video")

    frames = pictures(codec, 5.0, keyframe_every_s=1.2)
    await bench.play(sent(frames, source=1, codec=codec, interval_s=0.04))
    await bench.recorder.stop(ROOM)

    segments = bench.segments(track)
    assert [(s.t0_ms, s.dur_ms) for s in segments] == [(0, 2400), (2400, 2400), (4800, 200)]
    for segment in segments:
        shown = decoded(bench.part / segment.file)
        assert len(shown) == segment.dur_ms // 40
        assert (shown[0].width, shown[0].height) == (160, 120)
        assert shown[-1].to_ndarray(format="rgb24").mean(axis=(0, 1)) == pytest.approx(
            (200, 40, 40), abs=12
        )


async def test_a_keyframe_is_asked_for_when_a_segment_is_due(bench: Bench) -> None:
    bench.start()
    bench.track(1, "video")
    frames = pictures(VP8, 4.0, keyframe_every_s=100.0)
    packets = sent(frames, source=1, codec=VP8, interval_s=0.04)

    await bench.play([p for p in packets if p.arrived_at < 101.5])
    bench.recorder.tick(101.5)
    assert bench.engine.asked == []
    await bench.play([p for p in packets if p.arrived_at >= 101.5])
    bench.recorder.tick(104.0)
    bench.recorder.tick(104.1)

    assert bench.engine.asked == [SourceId(1)]


async def test_late_and_retransmitted_packets_find_their_place(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)
    packets = sent(tone(1.9), source=1, codec=OPUS, interval_s=0.02)
    # Every tenth comes 120 ms late, and once more after that.
    late = [p for p in packets if p.sequence % 10 == 5]
    shuffled = merged([p for p in packets if p not in late], later(late, 0.12), later(late, 0.16))

    await bench.play(shuffled)
    await bench.recorder.stop(ROOM)

    [segment] = bench.segments(track)
    assert segment.gaps == () and segment.dur_ms == 1900
    assert len(decoded(bench.part / segment.file)) == 95


async def test_lost_sound_leaves_a_hole_of_its_length(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)
    packets = sent(tone(1.9), source=1, codec=OPUS, interval_s=0.02)

    await bench.play(without(packets, range(1020, 1030)))
    await bench.recorder.stop(ROOM)

    [segment] = bench.segments(track)
    assert [(g.at_ms, g.dur_ms, g.why) for g in segment.gaps] == [(400, 200, "loss")]
    assert segment.dur_ms == 1900
    starts = [round(float(f.pts * f.time_base) * 1000) for f in decoded(bench.part / segment.file)]
    assert 380 in starts and 400 not in starts and 600 in starts
    assert bench.recorder.stats.lost == 10


async def test_silence_the_encoder_left_out_keeps_its_length(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)
    packets = sent(tone(1.9), source=1, codec=OPUS, interval_s=0.02)
    # Discontinuous transmission: time passes, sequence numbers do not.
    spoken = [p for p in packets if not 100.5 <= p.arrived_at < 101.0]
    dtx = [TapPacket(**{**_fields(p), "sequence": 1000 + n}) for n, p in enumerate(spoken)]

    await bench.play(dtx)
    await bench.recorder.stop(ROOM)

    [segment] = bench.segments(track)
    assert [(g.at_ms, g.dur_ms, g.why) for g in segment.gaps] == [(500, 500, "dtx")]
    assert segment.dur_ms == 1900
    assert bench.recorder.stats.lost == 0


@pytest.mark.parametrize("frozen", [False, True], ids=["clock runs on", "clock stands still"])
async def test_a_mute_keeps_its_length_whatever_the_senders_clock_did(
    bench: Bench, frozen: bool
) -> None:
    bench.start()
    track = bench.track(1)
    sound = tone(2.0)
    before = sent(sound[:50], source=1, codec=OPUS, interval_s=0.02)
    after = sent(
        sound[50:],
        source=1,
        codec=OPUS,
        interval_s=0.02,
        at=108.0,
        sequence=1050,
        timestamp=5_000_000 + (48_000 if frozen else 8 * 48_000),
    )

    await bench.play(before)
    bench.recorder.mute_track(track.track_id, True)
    bench.recorder.mute_track(track.track_id, False)
    await bench.play(after)
    await bench.recorder.stop(ROOM)

    first, second = bench.segments(track)
    assert (first.t0_ms, first.dur_ms) == (0, 1000)
    assert (second.t0_ms, second.dur_ms) == (8000, 1000)
    assert [(g.at_ms, g.dur_ms, g.why) for g in second.gaps] == [(1000, 7000, "mute")]


@pytest.mark.parametrize("jump", [-4_000_000, 900_000_000], ids=["back", "ahead"])
async def test_a_sender_that_starts_its_numbers_anew_stays_on_the_clock(
    bench: Bench, jump: int
) -> None:
    bench.start()
    track = bench.track(1)
    sound = tone(3.0)
    before = sent(sound[:50], source=1, codec=OPUS, interval_s=0.02)
    after = sent(
        sound[50:],
        source=1,
        codec=OPUS,
        interval_s=0.02,
        at=101.0,
        sequence=61_000,
        timestamp=5_000_000 + jump,
    )

    await bench.play(before + after)
    await bench.recorder.stop(ROOM)

    segments = bench.segments(track)
    assert [(s.t0_ms, s.dur_ms) for s in segments] == [(0, 1000), (1000, 2000)]


async def test_lost_video_is_left_out_until_it_decodes_again(bench: Bench) -> None:
    bench.start()
    track = bench.track(1, "video")
    frames = pictures(VP8, 1.6, keyframe_every_s=1.0)
    packets = sent(frames, source=1, codec=VP8, interval_s=0.04)
    first_lost = next(p.sequence for p in packets if p.arrived_at > 100.39)

    await bench.play(without(packets, [first_lost]))
    await bench.recorder.stop(ROOM)

    [segment] = bench.segments(track)
    assert [(g.at_ms, g.dur_ms, g.why) for g in segment.gaps] == [(400, 600, "loss")]
    assert len(decoded(bench.part / segment.file)) == 10 + 15
    bench.recorder.tick(102.0)


async def test_another_resolution_begins_another_segment(bench: Bench) -> None:
    bench.start()
    track = bench.track(1, "video")
    small = sent(pictures(VP8, 0.8), source=1, codec=VP8, interval_s=0.04)
    large = sent(
        pictures(VP8, 0.8, size=(320, 240)),
        source=1,
        codec=VP8,
        interval_s=0.04,
        at=100.8,
        sequence=small[-1].sequence + 1,
        timestamp=5_000_000 + 72_000,
    )

    await bench.play(small + large)
    await bench.recorder.stop(ROOM)

    segments = bench.segments(track)
    assert [(s.t0_ms, s.dur_ms) for s in segments] == [(0, 800), (800, 800)]
    assert [decoded(bench.part / s.file)[0].width for s in segments] == [160, 320]


async def test_sender_reports_put_lips_and_words_together(bench: Bench) -> None:
    bench.start()
    somebody = ParticipantId(new_id())
    voice, face = bench.track(1, participant=somebody), bench.track(2, "video", somebody)
    # Both were captured at one moment; the pictures took 180 ms longer to arrive.
    spoken = sent(tone(1.9), source=1, codec=OPUS, interval_s=0.02, ntp_at=4e9)
    seen = sent(pictures(VP8, 1.9), source=2, codec=VP8, interval_s=0.04, at=100.18, ntp_at=4e9)

    await bench.play(merged(spoken, seen))
    await bench.recorder.stop(ROOM)

    [heard], [shown] = bench.segments(voice), bench.segments(face)
    assert heard.t0_ms == shown.t0_ms == 0


async def test_what_the_writer_cannot_keep_up_with_is_dropped_and_counted(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)
    await bench.settle()
    packets = sent(tone(6.0), source=1, codec=OPUS, interval_s=0.02)

    # The writer gets no chance to look in between.
    bench.recorder._inbox.append(lambda: time.sleep(0.3))
    bench.engine.play(packets)
    await bench.settle()
    await bench.recorder.stop(ROOM)

    kept = round(QUEUE_S * 50) + 1
    assert bench.recorder.stats.dropped == pytest.approx(300 - kept, abs=kept)
    assert bench.recorder.stats.dropped > 0
    assert sum(s.dur_ms for s in bench.segments(track)) >= 2000


async def test_tracks_that_never_send_and_unknown_codecs_leave_nothing(bench: Bench) -> None:
    bench.start()
    bench.track(1)
    unknown = bench.track(2)
    strange = sent(tone(0.5), source=2, codec=OPUS, interval_s=0.02)
    red = type(OPUS)("RED", 63, 48_000)

    await bench.play([TapPacket(**{**_fields(p), "codec": red}) for p in strange])
    await bench.recorder.stop(ROOM)

    assert bench.manifest().closed and bench.manifest().segments == []
    assert bench.segments(unknown) == []
    assert bench.recorder.stats.unsupported == 25


async def test_hearing_the_order_again_changes_nothing_and_another_epoch_is_another_part(
    bench: Bench,
) -> None:
    bench.start(epoch=1)
    bench.track(1)
    packets = sent(tone(2.0), source=1, codec=OPUS, interval_s=0.02)
    await bench.play(packets[:50])
    bench.start(epoch=1)
    bench.start(epoch=2)
    await bench.play(packets[50:])
    await bench.recorder.stop(ROOM)
    bench.start(epoch=2)
    await bench.settle()

    found = {
        epoch: read_manifest((path / MANIFEST).read_bytes()) for _, epoch, path in parts(bench.root)
    }
    assert [(m.closed, [(s.t0_ms, s.dur_ms) for s in m.segments]) for m in found.values()] == [
        (True, [(0, 1000)]),
        (True, [(1000, 1000)]),
    ]


async def test_a_full_disk_costs_segments_and_nothing_else(bench: Bench, tmp_path: Path) -> None:
    # A file where the part's directory should be: nothing can be written.
    blocker = tmp_path / str(bench.order.recording_id)
    blocker.write_text("")
    bench.start()
    track = bench.track(1)
    packets = sent(tone(6.0), source=1, codec=OPUS, interval_s=0.02)

    await bench.play([p for p in packets if p.arrived_at < 103.0])
    assert bench.recorder.stats.degraded and bench.recorder.stats.write_errors > 0
    blocker.unlink()
    await bench.play([p for p in packets if p.arrived_at >= 103.0])
    await bench.recorder.stop(ROOM)

    assert not bench.recorder.stats.degraded
    assert [(s.t0_ms, s.dur_ms) for s in bench.segments(track)] == [(4000, 2000)]


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """As on a full disk: a file that would grow beyond this does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_fills_up_under_way_keeps_what_it_has(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)
    packets = sent(tone(5.9), source=1, codec=OPUS, interval_s=0.02)

    with files_up_to(6_000):
        await bench.play([p for p in packets if p.arrived_at < 102.0])
    await bench.play([p for p in packets if p.arrived_at >= 102.0])
    await bench.recorder.stop(ROOM)

    first, second, third = bench.segments(track)
    assert 700 <= first.dur_ms <= 1400 and bench.recorder.stats.dropped > 0
    assert [(s.t0_ms, s.dur_ms) for s in (second, third)] == [(2000, 2000), (4000, 1900)]
    for segment in (first, second, third):
        path = bench.part / segment.file
        assert (path.stat().st_size, sha256_of(path)) == (segment.bytes, segment.sha256)
        assert sum(f.samples for f in decoded(path)) == segment.dur_ms * 48
    with av.open(str(bench.part / first.file)) as file:
        assert file.duration == first.dur_ms * 1000
    assert bench.manifest().closed


async def test_a_segment_that_cannot_be_finished_is_left_to_a_repair(bench: Bench) -> None:
    bench.start()
    track = bench.track(1)
    await bench.play(sent(tone(1.0), source=1, codec=OPUS, interval_s=0.02))
    [written] = bench.part.glob("*.webm")
    aside = written.rename(bench.root / "aside")

    await bench.recorder.stop(ROOM)
    assert not bench.manifest().closed
    aside.rename(written)
    repaired = repair(bench.part)

    assert repaired is not None and repaired.closed
    [segment] = bench.segments(track)
    assert (segment.mended, segment.dur_ms) == (True, 1000)
    assert sha256_of(written) == segment.sha256


@pytest.mark.parametrize("waited", [False, True], ids=["at once", "after it was waited for"])
async def test_a_track_that_cannot_be_cut_harms_no_other(bench: Bench, waited: bool) -> None:
    bench.start()
    evil, good = bench.track(1), bench.track(2)
    impossible = type(OPUS)("OPUS", 111, 0)
    sound = tone(2.0)
    theirs = sent(sound, source=1, codec=OPUS, interval_s=0.02)
    at_fault = TapPacket(**{**_fields(theirs[60]), "codec": impossible})
    # Where one is missing before it, the writer comes to it by itself, some time later.
    theirs = [p for p in theirs if p.sequence not in (at_fault.sequence, 1059 if waited else 0)]
    ours = sent(sound, source=2, codec=OPUS, interval_s=0.02)

    await bench.play(merged([p for p in theirs if p.sequence < 1060], ours[:60], [at_fault]))
    bench.now[0] += 0.5
    await bench.settle()
    await bench.play(merged([p for p in theirs if p.sequence > 1060], ours[60:]))
    await asyncio.wait_for(bench.recorder.stop(ROOM), 5.0)

    assert bench.recorder.stats.broken == 1 and bench.manifest().closed
    assert [(s.t0_ms, s.dur_ms) for s in bench.segments(good)] == [(0, 2000)]
    before, after = bench.segments(evil)
    assert before.dur_ms == (1180 if waited else 1200)
    assert (after.t0_ms, after.dur_ms) == (1220, 780)


@pytest.mark.parametrize(
    ("total", "free", "used"),
    [
        (64 << 20, 16 << 20, 0.75),
        (64 << 20, 0, 1.0),
        (4 << 40, 128 << 30, 0.0),
        (4 << 40, 6 << 30, 1 - 6 / 64),
    ],
    ids=["small", "full", "large with plenty left", "large with little left"],
)
def test_a_disk_is_full_when_little_is_left(total: int, free: int, used: float) -> None:
    assert share_used(total=total, free=free) == pytest.approx(used)


async def test_a_spool_that_is_gone_is_full(bench: Bench) -> None:
    assert 0.0 <= bench.recorder.spool_used() <= 1.0
    bench.root.rename(bench.root.with_name("gone"))

    assert bench.recorder.spool_used() == 1.0


def _fields(packet: TapPacket) -> dict[str, Any]:
    return {name: getattr(packet, name) for name in TapPacket.__slots__}  # type: ignore[attr-defined]
