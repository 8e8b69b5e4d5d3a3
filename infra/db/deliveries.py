"""Deliveries on their way: left by a room's events, claimed by one sender at a time, recorded.

As with jobs, only the database's clock says what is due and whose lease has run out. Of one room,
an endpoint is sent the events in the log's order: the next one waits until the one before it was
delivered or given up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
    not_,
    or_,
    select,
    tuple_,
    update,
)

from infra.contract.commands import Attempt, DeliveryState
from infra.contract.events import RoomEvent
from infra.contract.ids import DeliveryId, EndpointId, RecordingId, RoomId, TenantId, new_id
from infra.contract.views import TranscriptState
from infra.contract.webhooks import NAMES, RECORDING_READY, TEST, TRANSCRIPT_OVER, USUAL_PARTS, Part
from infra.db.clock import from_now
from infra.db.tables import WebhookDelivery
from infra.db.webhooks import DELIVERIES, ENDPOINTS, HELD

QUEUE = "webhooks"
WAIT_FOR_TRANSCRIPT_S = 3600.0
"""Seconds the event of a finished recording is held back for its transcript before it goes out
without it. Longer: fewer go out in part; shorter: who waits for the recording waits less."""
KEPT_ATTEMPTS = 40
"Of a delivery asked for again and again, the last ones."

_TABLES = WebhookDelivery.metadata.tables
_TENANTS = _TABLES["tenants"]
_ROOMS = _TABLES["rooms"]
_TRANSCRIPTS = _TABLES["transcripts"]
_PENDING = DeliveryState.PENDING.value


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery this sender has, until its lease runs out."""

    id: DeliveryId
    endpoint_id: EndpointId
    tenant_id: TenantId
    room_id: RoomId | None
    seq: int | None
    ordered: bool
    event: str
    about: dict[str, Any]
    body: str | None
    attempts: list[dict[str, Any]]
    tries: int
    "This one included."
    created_at: datetime
    token: UUID
    url: str
    parts: frozenset[Part]
    secrets_sealed: tuple[str, ...]
    "The current one first; during a rotation also the one before it."


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
    held = [row.id for row in told if may_be_held and Part.TRANSCRIPT in _parts(row.parts)]
    due = [row.id for row in told if row.id not in held]
    _insert(connection, event, name, about, due, state=_PENDING, wait_s=0.0)
    _insert(connection, event, name, about, held, state=HELD, wait_s=WAIT_FOR_TRANSCRIPT_S)
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
            state=_PENDING,
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
        .values(state=_PENDING, seq=last_seq)
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
        .values(state=_PENDING, seq=event.seq, next_attempt_at=from_now(connection))
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
    due = insert(DELIVERIES).values(next_attempt_at=from_now(connection, wait_s))
    connection.execute(due, rows)


# --- sending ---


def due(
    connection: Connection, *, but: Collection[EndpointId], limit: int
) -> list[tuple[DeliveryId, EndpointId]]:
    """What somebody should be sending now, longest due first, except to the endpoints in `but`."""
    now = from_now(connection)
    earlier = DELIVERIES.alias("earlier")
    waits = exists().where(
        earlier.c.endpoint_id == DELIVERIES.c.endpoint_id,
        earlier.c.room_id == DELIVERIES.c.room_id,
        earlier.c.state == _PENDING,
        earlier.c.ordered,
        tuple_(earlier.c.seq, earlier.c.id) < tuple_(DELIVERIES.c.seq, DELIVERIES.c.id),
    )
    query = (
        select(DELIVERIES.c.id, DELIVERIES.c.endpoint_id)
        .join(ENDPOINTS, ENDPOINTS.c.id == DELIVERIES.c.endpoint_id)
        .join(_TENANTS, _TENANTS.c.id == DELIVERIES.c.tenant_id)
        .where(
            _takeable(now),
            ENDPOINTS.c.enabled,
            ENDPOINTS.c.deleted_at.is_(None),
            _TENANTS.c.is_active,
            or_(not_(DELIVERIES.c.ordered), not_(waits)),
        )
        .order_by(DELIVERIES.c.next_attempt_at, DELIVERIES.c.id)
        .limit(limit)
    )
    if but:
        query = query.where(DELIVERIES.c.endpoint_id.not_in(but))
    return [(DeliveryId(row.id), EndpointId(row.endpoint_id)) for row in connection.execute(query)]


def claim(connection: Connection, ids: Sequence[DeliveryId], *, lease_s: float) -> list[Claimed]:
    """Of these, the ones that nobody else took meanwhile. The attempt is counted."""
    rows = connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.id.in_(ids), _takeable(from_now(connection)))
        .values(
            token=new_id(),
            lease_until=from_now(connection, lease_s),
            tries=DELIVERIES.c.tries + 1,
        )
        .returning(DELIVERIES)
    ).all()
    if not rows:
        return []
    now = from_now(connection)
    endpoints = {
        row.id: row
        for row in connection.execute(
            select(
                ENDPOINTS.c.id,
                ENDPOINTS.c.url,
                ENDPOINTS.c.parts,
                ENDPOINTS.c.secret_sealed,
                ENDPOINTS.c.old_secret_sealed,
                (ENDPOINTS.c.old_secret_until > now).label("both_sign"),
            ).where(ENDPOINTS.c.id.in_({row.endpoint_id for row in rows}))
        )
    }
    return [_claimed(row, endpoints[row.endpoint_id]) for row in rows]


def _claimed(row: Any, endpoint: Any) -> Claimed:
    old = (endpoint.old_secret_sealed,) if endpoint.both_sign else ()
    return Claimed(
        id=row.id,
        endpoint_id=row.endpoint_id,
        tenant_id=row.tenant_id,
        room_id=row.room_id,
        seq=row.seq,
        ordered=row.ordered,
        event=row.event,
        about=row.about,
        body=row.body,
        attempts=row.attempts,
        tries=row.tries,
        created_at=row.created_at,
        token=row.token,
        url=endpoint.url,
        parts=_parts(endpoint.parts),
        secrets_sealed=(endpoint.secret_sealed, *old),
    )


def keep_body(connection: Connection, claimed: Claimed, body: str) -> None:
    """What the first attempt sends, every later one sends."""
    connection.execute(_mine(claimed).values(body=body))


def delivered(connection: Connection, claimed: Claimed, attempt: Attempt) -> bool:
    """False: another sender has it, its lease ran out."""
    mine = connection.execute(
        _mine(claimed).values(
            **_over(claimed, attempt, DeliveryState.DELIVERED),
            delivered_at=from_now(connection),
        )
    )
    if mine.rowcount:
        _hurry_the_next(connection, claimed)
    return mine.rowcount > 0


def give_up(connection: Connection, claimed: Claimed, attempt: Attempt | None) -> bool:
    """It is not tried any more. `attempt` None: none was made."""
    mine = connection.execute(
        _mine(claimed).values(**_over(claimed, attempt, DeliveryState.FAILED))
    )
    if mine.rowcount:
        _hurry_the_next(connection, claimed)
    return mine.rowcount > 0


def try_again(connection: Connection, claimed: Claimed, attempt: Attempt, *, wait_s: float) -> bool:
    """Later; and what comes after it in its room not before it."""
    at = from_now(connection, wait_s)
    mine = connection.execute(
        _mine(claimed).values(
            attempts=_with(claimed, attempt), next_attempt_at=at, token=None, lease_until=None
        )
    )
    if mine.rowcount and claimed.ordered:
        connection.execute(
            update(DELIVERIES)
            .where(_after(claimed), DELIVERIES.c.next_attempt_at < at)
            .values(next_attempt_at=at)
        )
    return mine.rowcount > 0


def _hurry_the_next(connection: Connection, claimed: Claimed) -> None:
    """What waited with this one through its retries."""
    if claimed.ordered and claimed.attempts:
        connection.execute(
            update(DELIVERIES).where(_after(claimed)).values(next_attempt_at=from_now(connection))
        )


def _after(claimed: Claimed) -> Any:
    return and_(
        DELIVERIES.c.endpoint_id == claimed.endpoint_id,
        DELIVERIES.c.room_id == claimed.room_id,
        DELIVERIES.c.state == _PENDING,
        DELIVERIES.c.ordered,
        tuple_(DELIVERIES.c.seq, DELIVERIES.c.id) > tuple_(claimed.seq, claimed.id),
    )


def _takeable(now: Any) -> Any:
    return and_(
        DELIVERIES.c.state == _PENDING,
        DELIVERIES.c.next_attempt_at <= now,
        or_(DELIVERIES.c.lease_until.is_(None), DELIVERIES.c.lease_until < now),
    )


def _mine(claimed: Claimed) -> Any:
    return update(DELIVERIES).where(
        DELIVERIES.c.id == claimed.id, DELIVERIES.c.token == claimed.token
    )


def _over(claimed: Claimed, attempt: Attempt | None, state: DeliveryState) -> dict[str, Any]:
    return {
        "state": state.value,
        "attempts": _with(claimed, attempt),
        "next_attempt_at": None,
        "token": None,
        "lease_until": None,
    }


def _with(claimed: Claimed, attempt: Attempt | None) -> list[dict[str, Any]]:
    new = [] if attempt is None else [attempt.model_dump(mode="json")]
    return [*claimed.attempts, *new][-KEPT_ATTEMPTS:]


def _parts(stored: Sequence[str] | None) -> frozenset[Part]:
    return USUAL_PARTS if stored is None else frozenset(Part(part) for part in stored)


# --- what else becomes of them ---


def again(connection: Connection, delivery_id: DeliveryId) -> None:
    """Due now, with all its tries before it.

    One that is waiting for its turn keeps its place; any other goes by itself.
    """
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.id == delivery_id)
        .values(
            state=_PENDING,
            ordered=and_(DELIVERIES.c.ordered, DELIVERIES.c.state == _PENDING),
            tries=0,
            next_attempt_at=from_now(connection),
            delivered_at=None,
        )
    )


def stop_all(connection: Connection, endpoint_id: EndpointId) -> None:
    """Nothing that waits for the endpoint is delivered any more; each can be asked for again."""
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.endpoint_id == endpoint_id, DELIVERIES.c.state.in_((_PENDING, HELD)))
        .values(state=DeliveryState.FAILED.value, next_attempt_at=None, token=None)
    )


def purge(connection: Connection, *, before: datetime, limit: int) -> int:
    """Forget some of those left before then, whatever came of them."""
    old = select(DELIVERIES.c.id).where(DELIVERIES.c.created_at < before).limit(limit)
    return connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(old))).rowcount
