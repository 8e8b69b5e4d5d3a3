from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.contract.commands import DeleteRecording
from infra.contract.ids import ParticipantId, new_id
from infra.contract.views import RecordingState, TenantConfig
from infra.storage.disk import DiskStore
from infra.storage.port import StoreUnavailable
from infra.storage.spool import sha256_of
from tests.support.captured import Take
from tests.support.deadly_film import DEADLY
from tests.support.house import House
from tests.support.rtp_media import VP8, pictures, tone
from tests.support.studio import Studio
from tests.workers.recordings.test_film import Watched, clips
from workers.capture import order_film
from workers.child import Child, ChildDied
from workers.labour import labour
from workers.recordings.compose import NOTHING, Material, make_film


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database will do here: films do not depend on it."""
    return sqlite_url


ANN, BOB = ParticipantId(new_id()), ParticipantId(new_id())


def watch(studio: Studio, tmp_path: Path) -> Watched:
    key = studio.view().object_key
    assert key == f"rec/{studio.recording_id}/recording.mp4"
    studio.store.fetch(key, tmp_path / "film.mp4")
    return Watched(tmp_path / "film.mp4")


def test_everything_every_pod_recorded_becomes_one_film(studio: Studio, tmp_path: Path) -> None:
    studio.capture(
        [
            Take("audio", tone(2.0, 440), 0, ANN),
            Take("video", pictures(VP8, 2.0, colour=lambda _: (200, 30, 30)), 0, ANN),
        ],
        epoch=1,
    )
    # The room moved, and comes from another pod from here on.
    studio.part(epoch=2)
    studio.capture(
        [
            Take("audio", tone(2.0, 1000), 3000, ANN),
            Take("video", pictures(VP8, 2.0, colour=lambda _: (30, 30, 200)), 3000, ANN),
        ],
        epoch=2,
    )
    studio.report(epoch=1)
    studio.stop()
    assert studio.work() == ["upload"]
    studio.report(epoch=2)
    assert studio.work() == ["upload", "compose"]

    view = studio.view()
    assert (view.state, view.error_message) == (RecordingState.READY, None)
    assert view.duration_seconds == 5.0
    film = watch(studio, tmp_path)
    assert view.size_bytes == (tmp_path / "film.mp4").stat().st_size
    assert studio.store.head(str(view.object_key)).sha256 == sha256_of(tmp_path / "film.mp4")
    assert film.colour(1.0, 0, 1) == pytest.approx((200, 30, 30), abs=40)
    assert film.colour(4.0, 0, 1) == pytest.approx((30, 30, 200), abs=40)
    assert [film.pitch(at) for at in (1.0, 2.5, 4.0)] == [
        pytest.approx(440, abs=8),
        0.0,
        pytest.approx(1000, abs=8),
    ]


def test_who_listens_is_told_and_the_transcript_is_ordered_once(studio: Studio) -> None:
    studio.record()

    assert studio.house.kinds(studio.room) == [
        "recording.started",
        "recording.stopped",
        "recording.ready",
    ]
    [job] = [job for job in studio.jobs("queued") if job.kind == "transcribe"]
    assert job.payload["recording_id"] == str(studio.recording_id)
    assert job.queue == "transcripts"


def test_no_transcript_is_made_where_the_tenant_wants_none(house: House, tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "objects", "http://test", b"secret")
    studio = Studio(house, tmp_path, store, TenantConfig(transcription_enabled=False))

    assert studio.record().state == RecordingState.READY
    assert [job.kind for job in studio.jobs("queued")] == []


def test_a_recording_of_nobody_says_so(studio: Studio) -> None:
    studio.stop()
    studio.house.wait(seconds=31)
    studio.report()
    studio.work()

    view = studio.view()
    assert (view.state, view.error_message) == (RecordingState.FAILED, NOTHING)
    event = studio.house.log(studio.room)[-1]
    assert (event.kind, event.data["error_message"]) == ("recording.failed", NOTHING)


def test_an_attempt_that_comes_too_late_changes_nothing(studio: Studio) -> None:
    ready = studio.record()
    with studio.house.begin() as work:
        order_film(work, studio.recording_id, studio.tenant.id)

    studio.work()

    assert studio.view() == ready
    assert studio.house.kinds(studio.room).count("recording.ready") == 1


class Interrupting(DiskStore):
    """Something happens when the film is about to be stored."""

    interrupt: Callable[[], None]

    def put(self, key: str, path: Path, **how):  # type: ignore[no-untyped-def]
        if key.endswith(".mp4"):
            self.interrupt()
        return super().put(key, path, **how)


def test_a_film_of_what_was_deleted_meanwhile_does_not_stay(studio: Studio, tmp_path: Path) -> None:
    def delete() -> None:
        studio.do(DeleteRecording(tenant_id=studio.tenant.id, recording_id=studio.recording_id))
        studio.work("delete")

    store = Interrupting(tmp_path / "objects", "http://test", b"secret")
    store.interrupt = delete
    studio.tools = studio.house.tools = dataclasses.replace(studio.tools, store=store)
    studio.capture()
    studio.report()
    studio.stop()

    studio.work()

    assert (studio.stored(), studio.state()) == ([], RecordingState.DELETED)
    assert studio.house.kinds(studio.room)[-1] == "recording.stopped"


def test_a_segment_that_kills_decoders_spoils_nobody_elses_film(
    studio: Studio, tmp_path: Path
) -> None:
    studio.capture()
    studio.report()
    studio.stop()
    studio.work("upload")
    found = clips(
        tmp_path, [Take("audio", tone(1.0, hertz), 0, ANN) for hertz in (440, 1000, 2000)]
    )
    found[1].path.write_bytes(found[1].path.read_bytes() + DEADLY)
    material = Material([{**asdict(clip), "path": str(clip.path)} for clip in found])

    dur_ms = make_film(
        material,
        tmp_path / "film.mp4",
        studio.claim("compose"),
        start=lambda _, limits: Child("tests.support.deadly_film", limits),
    )

    assert (dur_ms, material.deadly) == (1000, 1)
    assert Watched(tmp_path / "film.mp4").begins(440) < 0.1
    assert Watched(tmp_path / "film.mp4").begins(2000) < 0.1
    with pytest.raises(AssertionError, match="not heard"):
        Watched(tmp_path / "film.mp4").begins(1000)


def test_a_maker_that_dies_of_no_segment_is_not_blamed_on_any(
    studio: Studio, tmp_path: Path
) -> None:
    studio.capture()
    studio.report()
    studio.stop()
    studio.work("upload")
    [clip] = clips(tmp_path, [Take("audio", tone(1.0), 0, ANN)])
    material = Material([{**asdict(clip), "path": str(clip.path)}])

    with pytest.raises(ChildDied):
        make_film(material, tmp_path / "no" / "such" / "folder.mp4", studio.claim("compose"))

    assert material.deadly == 0


def test_storage_that_is_away_delays_the_film_and_does_not_spoil_it(
    studio: Studio, tmp_path: Path
) -> None:
    def away() -> None:
        raise StoreUnavailable("503")

    store = Interrupting(tmp_path / "objects", "http://test", b"secret")
    store.interrupt = away
    studio.tools = studio.house.tools = dataclasses.replace(studio.tools, store=store)
    studio.capture()
    studio.report()
    studio.stop()
    studio.work("upload")
    for _ in range(3):
        studio.make_due()
        labour(studio.job("compose").id, studio.tools)

    assert studio.view().state == RecordingState.PROCESSING
    store.interrupt = lambda: None
    studio.make_due()
    studio.work()
    assert studio.view().state == RecordingState.READY


def test_a_film_that_cannot_be_made_says_why(studio: Studio, tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("no space left")

    store = Interrupting(tmp_path / "objects", "http://test", b"secret")
    store.interrupt = broken
    studio.tools = studio.house.tools = dataclasses.replace(studio.tools, store=store)
    studio.capture()
    studio.report()
    studio.stop()
    studio.work("upload")
    for _ in range(3):
        studio.make_due()
        labour(studio.job("compose").id, studio.tools)

    view = studio.view()
    assert view.state == RecordingState.FAILED
    assert view.error_message == (
        "the playable file could not be made: RuntimeError: no space left"
    )
    assert studio.house.kinds(studio.room)[-1] == "recording.failed"
