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


def parts(connection: Connection, recording_id: RecordingId) -> list[Part]:
    """By epoch."""
    rows = connection.execute(
        select(PARTS).where(PARTS.c.recording_id == recording_id).order_by(PARTS.c.epoch)
    )
    return [
        Part(
            recording_id=RecordingId(row.recording_id),
            epoch=row.epoch,
            pod_id=PodId(row.pod_id),
            spool_id=SpoolId(row.spool_id),
            state=row.state,
            manifest_key=row.manifest_key,
        )
        for row in rows
    ]


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
