"""Rows reconciled with storage: what is there without a row gets one, what is missing is named."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from infra.contract.commands import SyncRecordings, SyncReport
from infra.contract.ids import RecordingId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, RecordingView
from infra.db import parts, recordings, rooms
from infra.db.work import Work
from infra.storage.port import ObjectStore, ObjectUnknown, StoreUnavailable
from infra.storage.spool import (
    MANIFEST,
    BadManifest,
    Header,
    object_key,
    read_manifest,
    recording_prefix,
)
from workers.capture import settle
from workers.owners import owns
from workers.tools import Tools

ROOT = "rec/"
HAS_FILE = frozenset({RecordingState.READY, RecordingState.ARCHIVED})


@owns(SyncRecordings)
def sync_recordings(command: SyncRecordings, work: Work, tools: Tools) -> SyncReport:
    """What storage holds for the room without a row is taken in, and put together again.

    Refuses with UNAVAILABLE while storage cannot be reached.
    """
    if rooms.get(work.connection, command.tenant_id, command.room_id) is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    existing = recordings.of_room(work.connection, command.tenant_id, command.room_id)
    try:
        errors = tuple(_missing(tools.store, existing))
        found = [
            header
            for header in _strangers(tools.store, work)
            if (header.tenant, header.room) == (command.tenant_id, command.room_id)
        ]
    except StoreUnavailable as error:
        raise refuse(Reason.UNAVAILABLE, "storage does not answer", retry_after_s=5) from error
    synced = []
    for recording_id in sorted({header.recording for header in found}):
        mine = [header for header in found if header.recording == recording_id]
        view = _adopt(work, tools, mine)
        if view is not None:
            synced.append(view)
    return SyncReport(existing=len(existing), synced=tuple(synced), errors=errors)


def _missing(store: ObjectStore, existing: list[RecordingView]) -> Iterator[str]:
    for recording in existing:
        if recording.state in HAS_FILE and recording.object_key is not None:
            try:
                store.head(recording.object_key)
            except ObjectUnknown:
                yield f"recording {recording.id}: its file is not in storage"


def _strangers(store: ObjectStore, work: Work) -> Iterator[Header]:
    """The headers of stored parts whose recording has no row, whoever's they are."""
    ids = []
    for name in store.folders(ROOT):
        try:
            ids.append(RecordingId(UUID(name)))
        except ValueError:
            continue  # not ours
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        known = recordings.known(work.connection, some)
        for recording_id in some:
            if recording_id not in known:
                yield from _headers(store, recording_id)


def _headers(store: ObjectStore, recording_id: RecordingId) -> Iterator[Header]:
    prefix = recording_prefix(recording_id)
    for part in store.folders(prefix):
        try:
            with store.open(f"{prefix}{part}/{MANIFEST}") as file:
                header = read_manifest(file.read()).header
        except (ObjectUnknown, BadManifest):
            continue
        if header.recording == recording_id:
            yield header


def _adopt(work: Work, tools: Tools, headers: list[Header]) -> RecordingView | None:
    first = headers[0]
    recordings.adopt(
        work.connection,
        recording_id=first.recording,
        tenant_id=first.tenant,
        room_id=first.room,
        storage_provider=tools.store.provider,
        started_at=first.started_at,
        now=work.now,
    )
    for header in headers:
        parts.adopt(
            work.connection,
            header.recording,
            epoch=header.epoch,
            pod_id=header.pod,
            spool_id=header.spool,
            manifest_key=object_key(header.recording, header.epoch, MANIFEST),
            now=work.now,
        )
    settle(work, first.recording)
    return recordings.get(work.connection, first.tenant, first.recording)
