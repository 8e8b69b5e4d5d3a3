"""A recorder killed while it writes, and what its spool still holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from infra.storage.spool import MANIFEST, StillWritten, parts, read_manifest, repair, sha256_of
from tests.support.rtp_media import decoded

WRITER = """
    import asyncio, sys, time
    from datetime import UTC, datetime
    from pathlib import Path
    from infra.contract.ids import *
    from infra.contract.live import RecordingOrder
    from infra.contract.views import TrackView
    from infra.storage.spool import open_spool
    from media.io.recorder import Recorder
    from tests.support.rtp_media import *

    async def main(root):
        engine, now = TapEngine(), datetime.now(UTC)
        recorder = Recorder(
            root, open_spool(root), PodId(new_id()), engine, segment_s=10.0,
            report=lambda *_: None, wall=lambda: now,
        )
        sound, seen = tone(4.0), pictures(VP8, 4.0, keyframe_every_s=100.0)
        room = RoomId(new_id())
        order = RecordingOrder(recording_id=RecordingId(new_id()), started_at=now)
        recorder.start(room, TenantId(new_id()), 1, order)
        for source, kind, name in ((1, "audio", "microphone"), (2, "video", "camera")):
            view = TrackView(
                track_id=TrackId(new_id()), participant_id=ParticipantId(new_id()),
                kind=kind, source=name,
            )
            recorder.add_track(room, view, SourceId(source))
        begun = time.monotonic()
        packets = merged(
            sent(sound, source=1, codec=OPUS, interval_s=0.02, at=begun),
            sent(seen, source=2, codec=VP8, interval_s=0.04, at=begun),
        )
        for packet in packets:
            await asyncio.sleep(max(0.0, packet.arrived_at - time.monotonic()))
            engine.play([packet])
            if packet.arrived_at - begun >= 3.0 and packet.source == 1:
                print("three seconds", flush=True)
                await asyncio.sleep(60)

    asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_killed_writer_loses_less_than_half_a_second(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"three seconds\n"
    [(_, _, part)] = parts(tmp_path)
    with pytest.raises(StillWritten):
        repair(part)

    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    repaired = repair(part)

    assert repaired is not None and repaired.closed
    assert repaired == repair(part) == read_manifest((part / MANIFEST).read_bytes())
    assert {s.kind for s in repaired.segments} == {"audio", "video"}
    for segment in repaired.segments:
        assert segment.mended and 2500 <= segment.dur_ms <= 3100
        assert sha256_of(part / segment.file) == segment.sha256
        last = decoded(part / segment.file)[-1]
        assert float(last.pts * last.time_base) * 1000 >= 2400
