"""Parts of recordings on their way from a spool into storage, over all tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from infra.contract.ids import PodId, RecordingId, SpoolId
from infra.contract.views import RecordingState
from infra.db.recordings import PARTS, RECORDINGS, Part, part_of
from infra.db.tables import Room
from infra.db.upsert import insert_new

_ROOMS = Room.metadata.tables["rooms"]


def end(
    connection: Connection,
    recording_id: RecordingId,
    epoch: int,
    *,
    state: str,
    now: datetime,
    manifest_key: str | None = None,
) -> bool:
    """Note how far the part is: captured, stored or lost. False: it was that far before."""
    before = {
        "captured": ("capturing",),
        "lost": ("capturing", "captured"),
        "stored": ("capturing", "captured", "lost"),
    }[state]
    values: dict[str, Any] = {"state": state, "updated_at": now}
    if manifest_key is not None:
        values["manifest_key"] = manifest_key
    changed = connection.execute(
        update(PARTS)
        .where(
            PARTS.c.recording_id == recording_id,
            PARTS.c.epoch == epoch,
            PARTS.c.state.in_(before),
        )
        .values(values)
    )
    return changed.rowcount == 1


def keep_manifest(
    connection: Connection, recording_id: RecordingId, epoch: int, manifest_key: str, now: datetime
) -> None:
    """Where what is stored of the part so far is listed."""
    connection.execute(
        update(PARTS)
        .where(PARTS.c.recording_id == recording_id, PARTS.c.epoch == epoch)
        .values(manifest_key=manifest_key, updated_at=now)
    )


def adopt(
    connection: Connection,
    recording_id: RecordingId,
    *,
    epoch: int,
    pod_id: PodId,
    spool_id: SpoolId,
    manifest_key: str,
    now: datetime,
) -> bool:
    """A row for a part found in storage. False: there is one."""
    return insert_new(
        connection,
        PARTS,
        recording_id=recording_id,
        epoch=epoch,
        pod_id=pod_id,
        spool_id=spool_id,
        state="stored",
        manifest_key=manifest_key,
        updated_at=now,
    )


def ending(connection: Connection, limit: int) -> list[tuple[Part, datetime | None]]:
    """Parts whose writer should be done and that are not stored; with when the recording stopped.

    The recording was stopped, or the room is another pod's by now.
    """
    rows = connection.execute(
        select(PARTS, RECORDINGS.c.stopped_at)
        .join(RECORDINGS, RECORDINGS.c.id == PARTS.c.recording_id)
        .join(_ROOMS, _ROOMS.c.id == RECORDINGS.c.room_id)
        .where(
            PARTS.c.state.in_(("capturing", "captured")),
            or_(
                RECORDINGS.c.state == RecordingState.PROCESSING.value,
                and_(
                    RECORDINGS.c.state == RecordingState.RECORDING.value,
                    _ROOMS.c.epoch > PARTS.c.epoch,
                ),
            ),
        )
        .order_by(PARTS.c.updated_at)
        .limit(limit)
    )
    return [(part_of(row), row.stopped_at) for row in rows]


def states(
    connection: Connection, ids: set[RecordingId]
) -> dict[tuple[RecordingId, int], tuple[str, RecordingState]]:
    """Of every part of these recordings: its state, and the recording's."""
    rows = connection.execute(
        select(PARTS.c.recording_id, PARTS.c.epoch, PARTS.c.state, RECORDINGS.c.state)
        .join(RECORDINGS, RECORDINGS.c.id == PARTS.c.recording_id)
        .where(PARTS.c.recording_id.in_(ids))
    )
    return {(RecordingId(row[0]), row[1]): (row[2], RecordingState(row[3])) for row in rows}


def settled(connection: Connection, limit: int) -> list[RecordingId]:
    """Stopped recordings of which every part is stored or lost, and that are not put together."""
    waiting = (
        select(PARTS.c.recording_id)
        .where(
            PARTS.c.recording_id == RECORDINGS.c.id, PARTS.c.state.in_(("capturing", "captured"))
        )
        .exists()
    )
    found = connection.scalars(
        select(RECORDINGS.c.id)
        .where(RECORDINGS.c.state == RecordingState.PROCESSING.value, ~waiting)
        .order_by(RECORDINGS.c.id)
        .limit(limit)
    )
    return [RecordingId(id) for id in found]
