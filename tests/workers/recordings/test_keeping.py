"""What may be done with recordings that are there: read of, archived, recovered, deleted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from infra.contract.commands import (
    Actor,
    ArchiveRecording,
    CountDownload,
    DeleteRecording,
    RecoverRecording,
    SyncRecordings,
    SyncReport,
)
from infra.contract.ids import RecordingId, RoomId, new_id
from infra.contract.live import HoldRoom
from infra.contract.refusals import Reason
from infra.contract.views import RecordingState, TenantConfig
from infra.db import audit
from infra.db.recordings import PARTS, RECORDINGS
from infra.db.transcripts import TRANSCRIPTS
from infra.storage.disk import ARCHIVE_CLASS, DiskStore
from tests.support.house import House
from tests.support.studio import JOBS, Studio
from workers.owners import prepared
from workers.recordings.delete import expire


def archiving(studio: Studio) -> ArchiveRecording:
    return ArchiveRecording(tenant_id=studio.tenant.id, recording_id=studio.recording_id)


def deleting(studio: Studio) -> DeleteRecording:
    return DeleteRecording(tenant_id=studio.tenant.id, recording_id=studio.recording_id)


def recovering(studio: Studio) -> RecoverRecording:
    return RecoverRecording(tenant_id=studio.tenant.id, recording_id=studio.recording_id)


def syncing(studio: Studio, room: RoomId | None = None) -> SyncRecordings:
    return SyncRecordings(tenant_id=studio.tenant.id, room_id=room or studio.room.id)


@pytest.mark.parametrize("kind", [ArchiveRecording, DeleteRecording, RecoverRecording])
def test_another_tenants_recording_is_as_unknown_as_none(studio: Studio, kind: type) -> None:
    other = studio.house.tenant()

    for tenant_id, recording_id in (
        (other.id, studio.recording_id),
        (studio.tenant.id, RecordingId(new_id())),
    ):
        command = kind(tenant_id=tenant_id, recording_id=recording_id)
        assert studio.house.refusal(command) == Reason.RECORDING_UNKNOWN
    assert studio.view().state == RecordingState.RECORDING


def test_archiving_moves_the_file_to_the_cold_class(studio: Studio) -> None:
    ready = studio.record()

    archived = studio.do(archiving(studio))
    studio.work()

    assert archived.state == RecordingState.ARCHIVED
    assert studio.store.head(str(ready.object_key)).storage_class == ARCHIVE_CLASS
    assert studio.house.refusal(archiving(studio)) == Reason.RECORDING_NOT_READY


def test_only_a_recording_that_is_ready_is_archived(studio: Studio) -> None:
    assert studio.house.refusal(archiving(studio)) == Reason.RECORDING_NOT_READY
    studio.stop()
    assert studio.house.refusal(archiving(studio)) == Reason.RECORDING_NOT_READY


def test_a_download_is_counted_and_audited(studio: Studio) -> None:
    studio.record()
    actor = Actor(kind="participant", id="p1", address="192.0.2.7")
    at = studio.house.now + timedelta(minutes=5)

    for _ in range(2):
        studio.do(
            CountDownload(
                tenant_id=studio.tenant.id, recording_id=studio.recording_id, actor=actor, at=at
            )
        )

    assert studio.view().download_count == 2
    with studio.house.engine.connect() as connection:
        entries = audit.page(connection, studio.tenant.id, 10, 0)
    assert [(e.action, e.subject, e.actor, e.at) for e in entries] == [
        ("recording.downloaded", str(studio.recording_id), actor.model_dump(), at)
    ] * 2


def test_a_deleted_recording_is_gone_with_all_that_was_made_of_it(studio: Studio) -> None:
    studio.record()
    assert studio.stored() and studio.house.refusal(deleting(studio)) is None
    studio.work()

    assert (studio.stored(), studio.state()) == ([], RecordingState.DELETED)
    with studio.house.engine.connect() as connection:
        left = connection.execute(select(TRANSCRIPTS.c.id)).all()
    assert left == []
    assert studio.house.refusal(deleting(studio)) == Reason.RECORDING_UNKNOWN


def test_deleting_what_is_being_recorded_stops_it(studio: Studio) -> None:
    studio.capture(closed=False)

    studio.do(deleting(studio))
    studio.work()

    last = [o for o in studio.house.orders(studio.pod.pod_id) if isinstance(o, HoldRoom)][-1]
    assert last.recording is None
    assert (studio.stored(), studio.spooled()) == ([], [])
    assert studio.state() == RecordingState.DELETED


def test_recordings_go_when_their_tenants_days_are_over(house: House, tmp_path: Path) -> None:
    def studio_keeping(days: int, name: str) -> Studio:
        folder = tmp_path / name
        folder.mkdir()
        store = DiskStore(folder / "objects", "http://test", b"secret")
        return Studio(house, folder, store, TenantConfig(recording_retention_days=days))

    short, long = studio_keeping(7, "short"), studio_keeping(90, "long")
    for studio in (short, long):
        house.tools = studio.tools
        studio.record()

    house.wait(days=7)
    expire(short.tools)
    assert short.view().state == RecordingState.READY
    house.wait(seconds=1)
    expire(short.tools)
    short.work("delete")

    assert (short.state(), short.stored()) == (RecordingState.DELETED, [])
    assert long.view().state == RecordingState.READY


def test_only_a_recording_that_is_being_processed_is_recovered(studio: Studio) -> None:
    assert studio.house.refusal(recovering(studio)) == Reason.RECORDING_NOT_PROCESSING
    studio.record()
    assert studio.house.refusal(recovering(studio)) == Reason.RECORDING_NOT_PROCESSING


def test_recovering_takes_up_what_is_in_the_spool(studio: Studio) -> None:
    studio.capture(killed=True)
    studio.capture(closed=True)
    studio.stop()
    assert studio.work() == []

    recovered = studio.do(recovering(studio))

    assert recovered.state == RecordingState.PROCESSING
    assert studio.work() == ["upload", "compose"]
    assert studio.view().state == RecordingState.READY


def test_recovering_makes_the_film_when_everything_is_stored(studio: Studio) -> None:
    studio.capture()
    studio.report()
    studio.work("upload")
    studio.stop()
    with studio.house.begin() as work:
        work.connection.execute(delete(JOBS))

    studio.do(recovering(studio))

    assert studio.work() == ["compose"]


def test_there_is_nothing_to_recover_of_what_no_pod_has_written(studio: Studio) -> None:
    studio.stop()
    with studio.house.begin() as work:
        work.connection.execute(delete(PARTS))

    assert studio.house.refusal(recovering(studio)) == Reason.NOTHING_TO_RECOVER


def test_sync_takes_in_what_is_stored_and_has_no_row(studio: Studio) -> None:
    ready = studio.record()
    _lose_rows(studio)

    report = studio.do(syncing(studio))

    assert (report.existing, report.errors) == (0, ())
    [taken] = report.synced
    assert (taken.id, taken.state) == (ready.id, RecordingState.PROCESSING)
    assert studio.work() == ["compose"]
    again = studio.view()
    assert (again.state, again.duration_seconds) == (RecordingState.READY, ready.duration_seconds)
    after = studio.do(syncing(studio))
    assert (after.existing, after.synced, after.errors) == (1, (), ())


class Slow(DiskStore):
    """Something happens while storage is being listed."""

    meanwhile: Callable[[], object]

    def folders(self, prefix: str) -> Iterator[str]:
        self.meanwhile()
        return super().folders(prefix)


def test_others_work_goes_on_while_sync_looks_into_storage(studio: Studio, tmp_path: Path) -> None:
    studio.record()
    _lose_rows(studio)
    store = Slow(tmp_path / "objects", "http://test", b"secret")
    store.meanwhile = lambda: studio.house.room(studio.tenant, "meanwhile")
    studio.tools = studio.house.tools = dataclasses.replace(studio.tools, store=store)

    report = studio.do(syncing(studio))

    assert [taken.id for taken in report.synced] == [studio.recording_id]


def test_what_two_syncs_find_is_taken_in_once(studio: Studio) -> None:
    studio.record()
    _lose_rows(studio)
    seen_first = prepared(syncing(studio), studio.tools)

    [taken] = studio.do(syncing(studio)).synced
    with studio.house.begin() as work:
        second = seen_first(work)

    assert taken.id == studio.recording_id
    assert isinstance(second, SyncReport) and second.synced == ()


def test_sync_leaves_other_rooms_and_tenants_recordings_alone(studio: Studio) -> None:
    studio.record()
    _lose_rows(studio)
    room = studio.house.room(studio.tenant, "other")
    stranger = studio.house.tenant()
    theirs = studio.house.room(stranger)

    assert studio.do(syncing(studio, room.id)).synced == ()
    assert studio.do(SyncRecordings(tenant_id=stranger.id, room_id=theirs.id)).synced == ()
    assert (
        studio.house.refusal(SyncRecordings(tenant_id=stranger.id, room_id=studio.room.id))
        == Reason.ROOM_UNKNOWN
    )


def test_sync_names_recordings_whose_file_is_gone(studio: Studio) -> None:
    ready = studio.record()
    studio.store.delete(str(ready.object_key))

    report = studio.do(syncing(studio))

    assert report.existing == 1
    assert report.errors == (f"recording {ready.id}: its file is not in storage",)


def test_sync_does_not_bring_back_what_was_deleted(studio: Studio) -> None:
    studio.record()
    studio.do(deleting(studio))

    assert studio.do(syncing(studio)).synced == ()


def _lose_rows(studio: Studio) -> None:
    """The database was put back to before the recording."""
    with studio.house.begin() as work:
        work.connection.execute(delete(JOBS))
        for table in (TRANSCRIPTS, PARTS, RECORDINGS):
            work.connection.execute(delete(table))
