from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from infra.contract.commands import DeleteRecording, ReportSpool
from infra.contract.ids import ParticipantId, RecordingId, SpoolId, new_id
from infra.db import recordings
from infra.storage.disk import DiskStore
from infra.storage.port import StoredObject, StoreUnavailable
from infra.storage.spool import MANIFEST, ManifestFile, part_path, read_manifest, sha256_of
from tests.support.captured import Take
from tests.support.rtp_media import tone
from tests.support.studio import Studio
from workers.labour import labour
from workers.recordings.sweep import LOST_AFTER, end_parts, order_films


class Shaky:
    """A store that does something of the test's at the n-th object."""

    provider = "disk"

    def __init__(self, store: DiskStore) -> None:
        self.store = store
        self.puts = 0
        self.at: dict[int, Any] = {}

    def put(self, key: str, path: Path, **how: Any) -> StoredObject:
        self.puts += 1
        before = self.at.get(self.puts)
        if before is not None:
            before()
        return self.store.put(key, path, **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
def shaky(studio: Studio) -> Shaky:
    store = Shaky(studio.store)  # type: ignore[arg-type]
    studio.tools = studio.house.tools = dataclasses.replace(studio.tools, store=store)
    return store


def voices(count: int) -> list[Take]:
    return [Take("audio", tone(0.5), n * 500, ParticipantId(new_id())) for n in range(count)]


def test_a_closed_part_is_stored_whole_and_leaves_the_spool(studio: Studio) -> None:
    part = studio.capture(voices(2))
    segments = {s.file: s.sha256 for s in read_manifest((part / MANIFEST).read_bytes()).segments}

    studio.report()
    assert studio.parts() == {1: "captured"}
    studio.work("upload")

    assert studio.parts() == {1: "stored"}
    assert studio.spooled() == []
    assert studio.stored() == sorted([*(f"e0001/{name}" for name in segments), f"e0001/{MANIFEST}"])
    for name, sha256 in segments.items():
        assert studio.store.head(f"rec/{studio.recording_id}/e0001/{name}").sha256 == sha256


def test_a_segment_is_stored_while_the_part_is_being_written(studio: Studio) -> None:
    part = studio.capture(voices(1), closed=False)
    writer = ManifestFile(part)

    studio.report(closed=False)
    studio.work("upload")

    assert studio.parts() == {1: "capturing"}
    assert studio.spooled() == [".stored.jsonl", MANIFEST]
    with studio.store.open(f"rec/{studio.recording_id}/e0001/{MANIFEST}") as file:
        listed = read_manifest(file.read())
    assert len(listed.segments) == 1 and not listed.closed
    writer.end()
    studio.report()
    studio.work("upload")
    assert (studio.parts(), studio.spooled()) == ({1: "stored"}, [])


def test_a_part_whose_writer_died_is_made_whole(studio: Studio) -> None:
    studio.capture(voices(2), killed=True)
    studio.stop()
    studio.serve_spool()

    # Nobody reports: the pod is gone.
    end_parts(studio.tools)
    studio.work("upload")

    assert studio.parts() == {1: "stored"}
    with studio.store.open(f"rec/{studio.recording_id}/e0001/{MANIFEST}") as file:
        manifest = read_manifest(file.read())
    assert manifest.closed and [s.mended for s in manifest.segments] == [False, True]
    assert manifest.segments[1].dur_ms == 480


def test_a_part_that_cannot_be_repaired_now_gives_what_is_whole(studio: Studio) -> None:
    part = studio.capture(voices(2), killed=True)
    torn = min(part.glob("*.webm"), key=lambda path: path.stat().st_size)
    aside = torn.rename(studio.spool / "aside")
    torn.mkdir()
    studio.stop()
    studio.serve_spool()

    end_parts(studio.tools)
    labour(studio.job("upload").id, studio.tools)

    assert len([name for name in studio.stored() if name.endswith(".webm")]) == 1
    assert studio.parts() == {1: "capturing"}
    torn.rmdir()
    aside.rename(torn)
    studio.make_due()
    studio.work("upload")
    assert studio.parts() == {1: "stored"}
    assert len([name for name in studio.stored() if name.endswith(".webm")]) == 2


def test_a_pod_that_is_about_to_begin_is_not_taken_for_one_that_died(studio: Studio) -> None:
    part = part_path(studio.spool, studio.recording_id, 1)
    ManifestFile(part).release()
    studio.stop()
    studio.serve_spool()

    end_parts(studio.tools)
    studio.work("upload")
    assert studio.parts() == {1: "capturing"} and part.is_dir()

    studio.house.wait(seconds=31)
    end_parts(studio.tools)
    studio.work("upload")
    assert studio.parts() == {1: "stored"} and not part.exists()


def test_an_upload_that_fails_leaves_everything_and_goes_on_later(
    studio: Studio, shaky: Shaky
) -> None:
    def away() -> None:
        raise StoreUnavailable("503")

    part = studio.capture(voices(3))
    shaky.at[2] = away
    studio.report()
    labour(studio.job("upload").id, studio.tools)

    assert studio.parts() == {1: "captured"}
    assert len(list(part.glob("*.webm"))) == 2
    assert studio.job("upload").error == "StoreUnavailable: 503"
    studio.make_due()
    studio.work("upload")
    assert (studio.parts(), studio.spooled()) == ({1: "stored"}, [])


def test_an_upload_that_was_given_up_is_ordered_anew(studio: Studio, shaky: Shaky) -> None:
    def away() -> None:
        raise StoreUnavailable("503")

    shaky.at = {1: away, 2: away, 3: away}
    studio.capture()
    studio.report()
    for _ in range(3):
        labour(studio.job("upload").id, studio.tools)
        studio.make_due()
    assert studio.job("upload").state == "failed"
    studio.stop()
    studio.serve_spool()

    end_parts(studio.tools)
    studio.work("upload")

    assert studio.parts() == {1: "stored"}


def test_deleting_during_the_upload_leaves_nothing(studio: Studio, shaky: Shaky) -> None:
    def delete() -> None:
        studio.do(DeleteRecording(tenant_id=studio.tenant.id, recording_id=studio.recording_id))
        studio.work("delete")

    studio.capture(voices(3))
    shaky.at[2] = delete
    studio.report()
    studio.work()

    assert (studio.stored(), studio.spooled()) == ([], [])
    assert studio.state() == "deleted"
    studio.report()
    studio.work()
    assert (studio.stored(), studio.spooled(), studio.state()) == ([], [], "deleted")


def test_reports_of_what_is_not_known_change_nothing(studio: Studio) -> None:
    studio.do(
        ReportSpool(
            recording_id=RecordingId(new_id()), epoch=1, spool_id=SpoolId(new_id()), closed=True
        )
    )

    assert studio.jobs("queued") == []


def test_a_part_that_was_never_begun_does_not_hold_up_the_rest(studio: Studio) -> None:
    studio.capture(epoch=1)
    studio.part(epoch=2)
    studio.report()
    studio.stop()
    studio.serve_spool()
    studio.work("upload")
    assert studio.parts() == {1: "stored", 2: "capturing"}

    studio.house.wait(seconds=31)
    end_parts(studio.tools)
    studio.work("upload")

    assert studio.parts() == {1: "stored", 2: "stored"}
    assert studio.job("compose").state == "queued"


def test_a_part_whose_machine_is_gone_is_given_up_after_a_while(studio: Studio) -> None:
    studio.capture(epoch=1)
    studio.part(epoch=2, spool=SpoolId(new_id()))
    studio.report()
    studio.stop()
    studio.work("upload")

    studio.house.wait(seconds=LOST_AFTER.total_seconds())
    end_parts(studio.tools)
    assert studio.parts() == {1: "stored", 2: "capturing"}
    studio.house.wait(seconds=1)
    end_parts(studio.tools)
    assert studio.parts() == {1: "stored", 2: "lost"}
    studio.work()

    view = studio.view()
    assert view.state == "ready"
    assert view.error_message == "1 part(s) were lost with the machine that recorded them"


def test_a_pod_that_hangs_with_its_part_open_is_not_waited_for(studio: Studio) -> None:
    part = studio.capture(voices(1), closed=False)
    hung = ManifestFile(part)
    studio.stop()
    studio.serve_spool()
    studio.house.wait(seconds=LOST_AFTER.total_seconds() + 1)

    end_parts(studio.tools)
    studio.work()

    view = studio.view()
    assert (view.state, view.duration_seconds) == ("ready", 0.5)
    assert view.error_message is not None
    hung.release()


def test_an_upload_is_waited_for_however_long_storage_is_away(studio: Studio, shaky: Shaky) -> None:
    def away() -> None:
        raise StoreUnavailable("503")

    studio.capture(killed=True)
    studio.stop()
    studio.serve_spool()
    shaky.at = {1: away}
    end_parts(studio.tools)
    labour(studio.job("upload").id, studio.tools)

    studio.house.wait(hours=3)
    end_parts(studio.tools)
    studio.make_due()
    studio.work()

    assert (studio.parts(), studio.view().error_message) == ({1: "stored"}, None)


def test_a_lost_part_whose_machine_comes_back_is_stored_after_all(studio: Studio) -> None:
    studio.capture(epoch=1)
    studio.stop()
    studio.house.wait(seconds=LOST_AFTER.total_seconds() + 1)
    end_parts(studio.tools)
    assert studio.parts() == {1: "lost"}

    # Another recording's upload brings the worker to its spool.
    other = Studio(studio.house, studio.spool.parent, studio.store)
    other.capture()
    other.report()
    other.work("upload")

    assert studio.parts() == {1: "stored"}
    assert f"e0001/{MANIFEST}" in studio.stored() and studio.spooled() == []


def test_spools_of_recordings_nobody_knows_are_left_alone(studio: Studio) -> None:
    stranger = studio.spool / str(new_id()) / "e0001"
    stranger.mkdir(parents=True)
    (stranger / "precious.webm").write_bytes(b"x")
    studio.capture()
    studio.report()
    studio.work("upload")

    assert studio.spooled() == ["precious.webm"]


def test_a_film_whose_order_was_lost_is_ordered_by_the_sweep(studio: Studio) -> None:
    studio.capture()
    studio.report()
    studio.work("upload")
    with studio.house.begin() as work:
        recordings.stop(work.connection, studio.tenant.id, studio.recording_id, work.now)
    assert all(job.kind != "compose" for job in studio.jobs("queued"))

    order_films(studio.tools)

    assert [job.kind for job in studio.jobs("queued")] == ["compose"]


def test_a_segment_that_rotted_in_the_spool_is_stored_and_left_out_of_the_film(
    studio: Studio,
) -> None:
    part = studio.capture(voices(2))
    rotten = sorted(part.glob("*.webm"))[0]
    rotten.write_bytes(b"x" * 100)
    digest = sha256_of(rotten)

    studio.report()
    studio.stop()
    studio.work()

    assert studio.store.head(f"rec/{studio.recording_id}/e0001/{rotten.name}").sha256 == digest
    assert studio.view().error_message == "1 segment(s) are missing from storage"
