"""Deliveries left by rooms' events, and whatever becomes of them but being sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    insert,
    select,
    update,
)

from infra.contract.commands import DeliveryState
from infra.contract.events import RoomEvent
from infra.contract.ids import DeliveryId, EndpointId, RecordingId, TenantId, new_id
from infra.contract.views import TranscriptState
from infra.contract.webhooks import NAMES, RECORDING_READY, TEST, TRANSCRIPT_OVER, Part
from infra.db.clock import from_now
from infra.db.tables import WebhookDelivery
from infra.db.webhooks import DELIVERIES, ENDPOINTS, HELD, HELD_STATE, PENDING, parts_of

QUEUE = "webhooks"
WAIT_FOR_TRANSCRIPT_S = 3600.0
"""Seconds the event of a finished recording is held back for its transcript before it goes out
without it. Longer: fewer go out in part; shorter: who waits for the recording waits less."""

_TABLES = WebhookDelivery.metadata.tables
_TENANTS = _TABLES["tenants"]
_ROOMS = _TABLES["rooms"]
_TRANSCRIPTS = _TABLES["transcripts"]


# --- leaving ---


def anybody_hears(tenant_id: TenantId | ColumnElement[UUID]) -> ColumnElement[bool]:
    """An expression: whether the tenant has any endpoint that may have to be told of something."""
    return exists().where(
        ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.enabled, ENDPOINTS.c.deleted_at.is_(None)
    )


def leave(connection: Connection, event: RoomEvent) -> bool:
    """Leave the event to be delivered to whoever wants it. True: something is due now."""
    released = _release(connection, event) if event.kind in TRANSCRIPT_OVER else False
    name = NAMES[event.kind]
    found = connection.execute(
        select(ENDPOINTS.c.id, ENDPOINTS.c.events, ENDPOINTS.c.parts, _TENANTS.c.config)
        .join(_TENANTS, _TENANTS.c.id == ENDPOINTS.c.tenant_id)
        .where(
            ENDPOINTS.c.tenant_id == event.tenant_id,
            ENDPOINTS.c.enabled,
            ENDPOINTS.c.deleted_at.is_(None),
        )
        .order_by(ENDPOINTS.c.id)
    ).all()
    told = [row for row in found if not row.events or name in row.events]
    if not told:
        return released
    about = {"kind": event.kind, "at": event.at.isoformat(), "data": event.data}
    may_be_held = name == RECORDING_READY and _transcript_follows(connection, event, told[0].config)
    held = [row.id for row in told if may_be_held and Part.TRANSCRIPT in parts_of(row.parts)]
    due = [row.id for row in told if row.id not in held]
    _insert(connection, event, name, about, due, state=DeliveryState.PENDING.value, wait_s=0.0)
    _insert(connection, event, name, about, held, state=HELD_STATE, wait_s=WAIT_FOR_TRANSCRIPT_S)
    return bool(due) or released


def leave_test(
    connection: Connection,
    tenant_id: TenantId,
    endpoint_id: EndpointId,
    delivery_id: DeliveryId,
    now: datetime,
) -> None:
    connection.execute(
        insert(DELIVERIES).values(
            id=delivery_id,
            endpoint_id=endpoint_id,
            tenant_id=tenant_id,
            ordered=False,
            event=TEST,
            about={"kind": TEST, "at": now.isoformat(), "data": {}},
            state=PENDING,
            attempts=[],
            tries=0,
            next_attempt_at=from_now(connection),
            created_at=now,
        )
    )


def release_overdue(connection: Connection) -> int:
    """Let go what waited long enough for a transcript. It takes its place after what was there."""
    last_seq = select(_ROOMS.c.seq).where(_ROOMS.c.id == DELIVERIES.c.room_id).scalar_subquery()
    return connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.state == HELD, DELIVERIES.c.next_attempt_at <= from_now(connection))
        .values(state=PENDING, seq=last_seq)
    ).rowcount


def _release(connection: Connection, event: RoomEvent) -> bool:
    """The transcript is there, or will not be: its recording's event goes out with this one."""
    freed = connection.execute(
        update(DELIVERIES)
        .where(
            DELIVERIES.c.state == HELD,
            DELIVERIES.c.room_id == event.room_id,
            DELIVERIES.c.about["data"]["recording_id"].as_string()
            == str(event.data.get("recording_id")),
        )
        .values(state=PENDING, seq=event.seq, next_attempt_at=from_now(connection))
    )
    return freed.rowcount > 0


def _transcript_follows(connection: Connection, event: RoomEvent, config: dict[str, Any]) -> bool:
    if not config.get("transcription_enabled", True):
        return False
    recording_id = RecordingId(UUID(event.data["recording_id"]))
    over = (TranscriptState.COMPLETED.value, TranscriptState.FAILED.value)
    there = select(_TRANSCRIPTS.c.id).where(
        _TRANSCRIPTS.c.recording_id == recording_id, _TRANSCRIPTS.c.state.in_(over)
    )
    return connection.execute(there.limit(1)).first() is None


def _insert(
    connection: Connection,
    event: RoomEvent,
    name: str,
    about: dict[str, Any],
    endpoints: Sequence[EndpointId],
    *,
    state: str,
    wait_s: float,
) -> None:
    if not endpoints:
        return
    rows = [
        {
            "id": new_id(),
            "endpoint_id": endpoint,
            "tenant_id": event.tenant_id,
            "room_id": event.room_id,
            "seq": event.seq,
            "ordered": True,
            "event": name,
            "about": about,
            "state": state,
            "attempts": [],
            "tries": 0,
            "created_at": event.at,
        }
        for endpoint in endpoints
    ]
    left = insert(DELIVERIES).values(next_attempt_at=from_now(connection, wait_s))
    connection.execute(left, rows)


# --- what else becomes of them ---


def again(connection: Connection, delivery_id: DeliveryId) -> None:
    """Due now, with all its tries before it.

    One that is waiting for its turn keeps its place; any other goes by itself.
    """
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.id == delivery_id)
        .values(
            state=PENDING,
            ordered=and_(DELIVERIES.c.ordered, DELIVERIES.c.state == PENDING),
            tries=0,
            next_attempt_at=from_now(connection),
            delivered_at=None,
        )
    )


def stop_all(connection: Connection, endpoint_id: EndpointId) -> None:
    """Nothing that waits for the endpoint is delivered any more; each can be asked for again."""
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.endpoint_id == endpoint_id, DELIVERIES.c.state.in_((PENDING, HELD)))
        .values(state=DeliveryState.FAILED.value, next_attempt_at=None, token=None)
    )


def purge(connection: Connection, *, before: datetime, limit: int) -> int:
    """Forget some of those left before then, whatever came of them."""
    old = select(DELIVERIES.c.id).where(DELIVERIES.c.created_at < before).limit(limit)
    return connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(old))).rowcount
