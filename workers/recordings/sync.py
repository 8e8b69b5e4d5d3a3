"""Rows reconciled with storage: what is there without a row gets one, what is missing is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from workers.owners import owns_after
from workers.tools import Tools

ROOT = "rec/"
HAS_FILE = frozenset({RecordingState.READY, RecordingState.ARCHIVED})


@dataclass(frozen=True, slots=True)
class Stocktaking:
    """What storage had to say. Rows may have changed since."""

    existing: int
    errors: tuple[str, ...]
    found: list[Header]
    "Of the room's parts whose recording has no row."


def take_stock(command: SyncRecordings, tools: Tools) -> Stocktaking:
    """Refuses with UNAVAILABLE while storage cannot be reached."""
    with tools.engine.connect() as connection:
        if rooms.get(connection, command.tenant_id, command.room_id) is None:
            raise refuse(Reason.ROOM_UNKNOWN)
        existing = recordings.of_room(connection, command.tenant_id, command.room_id)
    try:
        errors = tuple(_missing(tools.store, existing))
        found = [
            header
            for recording_id in _strangers(tools)
            for header in _headers(tools.store, recording_id)
            if (header.tenant, header.room) == (command.tenant_id, command.room_id)
        ]
    except StoreUnavailable as error:
        raise refuse(Reason.UNAVAILABLE, "storage does not answer", retry_after_s=5) from error
    return Stocktaking(len(existing), errors, found)


@owns_after(take_stock, SyncRecordings)
def sync_recordings(
    command: SyncRecordings, work: Work, tools: Tools, stock: Stocktaking
) -> SyncReport:
    """What storage holds for the room without a row is taken in, and put together again."""
    synced = []
    for recording_id in sorted({header.recording for header in stock.found}):
        mine = [header for header in stock.found if header.recording == recording_id]
        view = _adopt(work, tools, mine)
        if view is not None:
            synced.append(view)
    return SyncReport(existing=stock.existing, synced=tuple(synced), errors=stock.errors)


def _missing(store: ObjectStore, existing: list[RecordingView]) -> Iterator[str]:
    for recording in existing:
        if recording.state in HAS_FILE and recording.object_key is not None:
            try:
                store.head(recording.object_key)
            except ObjectUnknown:
                yield f"recording {recording.id}: its file is not in storage"


def _strangers(tools: Tools) -> Iterator[RecordingId]:
    """Stored recordings without a row, whoever's they are."""
    ids = []
    for name in tools.store.folders(ROOT):
        try:
            ids.append(RecordingId(UUID(name)))
        except ValueError:
            continue  # not ours
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        with tools.engine.connect() as connection:
            known = recordings.known(connection, some)
        yield from (recording_id for recording_id in some if recording_id not in known)


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
    """None: somebody else has taken it in meanwhile."""
    first = headers[0]
    is_new = recordings.adopt(
        work.connection,
        recording_id=first.recording,
        tenant_id=first.tenant,
        room_id=first.room,
        storage_provider=tools.store.provider,
        started_at=first.started_at,
        now=work.now,
    )
    if not is_new:
        return None
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
