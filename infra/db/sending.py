"""Deliveries being sent: found, claimed by one sender at a time, and what came of them recorded.

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

from sqlalchemy import Connection, and_, exists, not_, or_, select, tuple_, update

from infra.contract.commands import Attempt, DeliveryState
from infra.contract.ids import DeliveryId, EndpointId, RoomId, TenantId, new_id
from infra.contract.webhooks import Part
from infra.db.clock import from_now
from infra.db.tables import Tenant
from infra.db.webhooks import DELIVERIES, ENDPOINTS, PENDING, parts_of

KEPT_ATTEMPTS = 40
"Of a delivery asked for again and again, the last ones."

_TENANTS = Tenant.metadata.tables["tenants"]


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


def due(
    connection: Connection, *, but: Collection[EndpointId], limit: int
) -> list[tuple[DeliveryId, EndpointId]]:
    """What somebody should be sending now, longest due first, except to the endpoints in `but`."""
    now = from_now(connection)
    earlier = DELIVERIES.alias("earlier")
    waits = exists().where(
        earlier.c.endpoint_id == DELIVERIES.c.endpoint_id,
        earlier.c.room_id == DELIVERIES.c.room_id,
        earlier.c.state == PENDING,
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
        parts=parts_of(endpoint.parts),
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
        DELIVERIES.c.state == PENDING,
        DELIVERIES.c.ordered,
        tuple_(DELIVERIES.c.seq, DELIVERIES.c.id) > tuple_(claimed.seq, claimed.id),
    )


def _takeable(now: Any) -> Any:
    return and_(
        DELIVERIES.c.state == PENDING,
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
