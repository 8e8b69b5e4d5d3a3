"""Recordings and what each pod wrote of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from infra.contract.ids import PodId, RecordingId, RoomId, SpoolId, TenantId
from infra.contract.views import RecordingState, RecordingView
from infra.db.tables import Recording
from infra.db.upsert import insert_new

_TABLES = Recording.metadata.tables
RECORDINGS = _TABLES["recordings"]
PARTS = _TABLES["recording_parts"]
_ROOMS = _TABLES["rooms"]
_TENANTS = _TABLES["tenants"]


@dataclass(frozen=True, slots=True)
class Part:
    """What one pod wrote of a recording under one epoch."""

    recording_id: RecordingId
    epoch: int
    pod_id: PodId
    spool_id: SpoolId
    state: str
    manifest_key: str | None


def _view(row: Row[Any]) -> RecordingView:
    return RecordingView(
        id=row.id,
        room_id=row.room_id,
        tenant_id=row.tenant_id,
        room_name=row.room_name,
        state=RecordingState(row.state),
        storage_provider=row.storage_provider,
        duration_seconds=row.duration_seconds,
        size_bytes=row.size_bytes,
        object_key=row.object_key,
        error_message=row.error_message,
        download_count=row.download_count,
        started_at=row.started_at,
        stopped_at=row.stopped_at,
        created_at=row.created_at,
    )


def _of(tenant_id: TenantId) -> Select[Any]:
    return (
        select(RECORDINGS, _ROOMS.c.name.label("room_name"))
        .join(_ROOMS, _ROOMS.c.id == RECORDINGS.c.room_id)
        .where(RECORDINGS.c.tenant_id == tenant_id, RECORDINGS.c.deleted_at.is_(None))
    )


# --- reading ---


def get(
    connection: Connection, tenant_id: TenantId, recording_id: RecordingId
) -> RecordingView | None:
    """One that was not deleted; its room may have been."""
    row = connection.execute(_of(tenant_id).where(RECORDINGS.c.id == recording_id)).one_or_none()
    return _view(row) if row else None


def page(
    connection: Connection, tenant_id: TenantId, limit: int, offset: int
) -> tuple[list[RecordingView], int]:
    """Newest first, and how many there are in all."""
    rows = connection.execute(
        _of(tenant_id).order_by(RECORDINGS.c.id.desc()).limit(limit).offset(offset)
    )
    found = [_view(row) for row in rows]
    total = connection.execute(
        select(func.count()).where(
            RECORDINGS.c.tenant_id == tenant_id, RECORDINGS.c.deleted_at.is_(None)
        )
    ).scalar_one()
    return found, total


def of_room(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> list[RecordingView]:
    """Oldest first."""
    rows = connection.execute(
        _of(tenant_id).where(RECORDINGS.c.room_id == room_id).order_by(RECORDINGS.c.id)
    )
    return [_view(row) for row in rows]


def running(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> RecordingView | None:
    """The one being recorded now: a room has one at most."""
    row = connection.execute(
        _of(tenant_id).where(
            RECORDINGS.c.room_id == room_id, RECORDINGS.c.state == RecordingState.RECORDING
        )
    ).one_or_none()
    return _view(row) if row else None


def begun_since(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, at: datetime | None
) -> set[RecordingState]:
    """States of the room's recordings that were started then or later, deleted ones included."""
    begun = select(RECORDINGS.c.state).where(
        RECORDINGS.c.room_id == room_id, RECORDINGS.c.tenant_id == tenant_id
    )
    if at is not None:
        begun = begun.where(RECORDINGS.c.started_at >= at)
    return {RecordingState(state) for state in connection.scalars(begun)}


def parts(connection: Connection, recording_id: RecordingId) -> list[Part]:
    """By epoch."""
    rows = connection.execute(
        select(PARTS).where(PARTS.c.recording_id == recording_id).order_by(PARTS.c.epoch)
    )
    return [part_of(row) for row in rows]


def part_of(row: Row[Any]) -> Part:
    return Part(
        recording_id=RecordingId(row.recording_id),
        epoch=row.epoch,
        pod_id=PodId(row.pod_id),
        spool_id=SpoolId(row.spool_id),
        state=row.state,
        manifest_key=row.manifest_key,
    )


def all_running(
    connection: Connection,
) -> list[tuple[TenantId, RoomId, RecordingId, datetime, int]]:
    """Over all tenants: whose, where, which, since when, and the minutes the tenant allows."""
    rows = connection.execute(
        select(
            RECORDINGS.c.tenant_id,
            RECORDINGS.c.room_id,
            RECORDINGS.c.id,
            RECORDINGS.c.started_at,
            _TENANTS.c.max_recording_duration_minutes,
        )
        .join(_TENANTS, _TENANTS.c.id == RECORDINGS.c.tenant_id)
        .where(RECORDINGS.c.state == RecordingState.RECORDING)
    )
    return [(TenantId(row[0]), RoomId(row[1]), RecordingId(row[2]), row[3], row[4]) for row in rows]


# --- writing, with the room locked ---


def start(
    connection: Connection,
    *,
    recording_id: RecordingId,
    tenant_id: TenantId,
    room_id: RoomId,
    storage_provider: str,
    now: datetime,
) -> None:
    connection.execute(
        insert(RECORDINGS).values(
            id=recording_id,
            room_id=room_id,
            tenant_id=tenant_id,
            state=RecordingState.RECORDING.value,
            storage_provider=storage_provider,
            download_count=0,
            started_at=now,
            created_at=now,
        )
    )


def stop(
    connection: Connection, tenant_id: TenantId, recording_id: RecordingId, now: datetime
) -> None:
    """What is in the spool is now to be stored and put together."""
    connection.execute(
        update(RECORDINGS)
        .where(
            RECORDINGS.c.id == recording_id,
            RECORDINGS.c.tenant_id == tenant_id,
            RECORDINGS.c.state == RecordingState.RECORDING,
        )
        .values(state=RecordingState.PROCESSING.value, stopped_at=now)
    )


def begin_part(
    connection: Connection,
    recording_id: RecordingId,
    *,
    epoch: int,
    pod_id: PodId,
    spool_id: SpoolId,
    now: datetime,
) -> None:
    """This pod writes it from here on. One that was begun is left alone."""
    insert_new(
        connection,
        PARTS,
        recording_id=recording_id,
        epoch=epoch,
        pod_id=pod_id,
        spool_id=spool_id,
        state="capturing",
        updated_at=now,
    )


# --- storing what was captured and putting it together; over all tenants ---


@dataclass(frozen=True, slots=True)
class LockedRecording:
    """A recording, deleted or not, that nobody else changes until this transaction ends."""

    id: RecordingId
    tenant_id: TenantId
    room_id: RoomId
    state: RecordingState
    object_key: str | None
    started_at: datetime
    stopped_at: datetime | None


def lock(connection: Connection, recording_id: RecordingId) -> LockedRecording | None:
    """Taken after the room's lock where both are."""
    row = connection.execute(
        select(RECORDINGS).where(RECORDINGS.c.id == recording_id).with_for_update()
    ).one_or_none()
    return _locked(row) if row else None


def lock_of(connection: Connection, tenant_id: TenantId, recording_id: RecordingId) -> bool:
    """Lock it if it is the tenant's, deleted or not."""
    found = connection.execute(
        select(RECORDINGS.c.id)
        .where(RECORDINGS.c.id == recording_id, RECORDINGS.c.tenant_id == tenant_id)
        .with_for_update()
    )
    return found.first() is not None


def find(connection: Connection, recording_id: RecordingId) -> LockedRecording | None:
    """As `lock`, and without the lock: it may be otherwise by now."""
    row = connection.execute(
        select(RECORDINGS).where(RECORDINGS.c.id == recording_id)
    ).one_or_none()
    return _locked(row) if row else None


def _locked(row: Row[Any]) -> LockedRecording:
    return LockedRecording(
        id=RecordingId(row.id),
        tenant_id=TenantId(row.tenant_id),
        room_id=RoomId(row.room_id),
        state=RecordingState(row.state),
        object_key=row.object_key,
        started_at=row.started_at,
        stopped_at=row.stopped_at,
    )


def known(connection: Connection, ids: list[RecordingId]) -> set[RecordingId]:
    """Those of them that have a row, deleted ones included."""
    return {
        RecordingId(found)
        for found in connection.scalars(select(RECORDINGS.c.id).where(RECORDINGS.c.id.in_(ids)))
    }


def complete(
    connection: Connection,
    recording_id: RecordingId,
    *,
    object_key: str,
    sha256: str | None,
    size_bytes: int,
    duration_seconds: float,
    error_message: str | None,
) -> bool:
    """Its playable file is stored. False: nobody waits for it, or not any more."""
    changed = connection.execute(
        update(RECORDINGS)
        .where(
            RECORDINGS.c.id == recording_id,
            RECORDINGS.c.state == RecordingState.PROCESSING.value,
        )
        .values(
            state=RecordingState.READY.value,
            object_key=object_key,
            sha256=sha256,
            size_bytes=size_bytes,
            duration_seconds=duration_seconds,
            error_message=error_message,
        )
    )
    return changed.rowcount == 1


def fail(connection: Connection, recording_id: RecordingId, error_message: str) -> bool:
    """There will be no playable file. False: there is, or nobody waits for it any more."""
    changed = connection.execute(
        update(RECORDINGS)
        .where(
            RECORDINGS.c.id == recording_id,
            RECORDINGS.c.state == RecordingState.PROCESSING.value,
        )
        .values(state=RecordingState.FAILED.value, error_message=error_message)
    )
    return changed.rowcount == 1


def change_state(
    connection: Connection,
    recording_id: RecordingId,
    before: RecordingState,
    after: RecordingState,
    error_message: str | None = None,
) -> bool:
    """False: it was not in the state `before`."""
    values: dict[str, Any] = {"state": after.value}
    if error_message is not None:
        values["error_message"] = error_message
    changed = connection.execute(
        update(RECORDINGS)
        .where(RECORDINGS.c.id == recording_id, RECORDINGS.c.state == before.value)
        .values(values)
    )
    return changed.rowcount == 1


def delete(connection: Connection, recording_id: RecordingId, now: datetime) -> None:
    """Hide it for good; the row stays for the audit."""
    connection.execute(
        update(RECORDINGS)
        .where(RECORDINGS.c.id == recording_id)
        .values(state=RecordingState.DELETED.value, object_key=None, deleted_at=now)
    )


def count_download(connection: Connection, recording_id: RecordingId) -> None:
    connection.execute(
        update(RECORDINGS)
        .where(RECORDINGS.c.id == recording_id)
        .values(download_count=RECORDINGS.c.download_count + 1)
    )


def adopt(
    connection: Connection,
    *,
    recording_id: RecordingId,
    tenant_id: TenantId,
    room_id: RoomId,
    storage_provider: str,
    started_at: datetime,
    now: datetime,
) -> bool:
    """A row for a recording found in storage, still to be put together. False: there is one."""
    return insert_new(
        connection,
        RECORDINGS,
        id=recording_id,
        room_id=room_id,
        tenant_id=tenant_id,
        state=RecordingState.PROCESSING.value,
        storage_provider=storage_provider,
        download_count=0,
        started_at=started_at,
        stopped_at=now,
        created_at=now,
    )
