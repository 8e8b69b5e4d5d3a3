"""Webhook endpoints, and the log of what was delivered to them, read by tenant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, literal, select, update

from infra.contract.commands import Attempt, DeliveryState, DeliveryView, EndpointView
from infra.contract.ids import DeliveryId, EndpointId, TenantId
from infra.contract.webhooks import USUAL_PARTS, Part
from infra.db.tables import WebhookEndpoint

_TABLES = WebhookEndpoint.metadata.tables
ENDPOINTS = _TABLES["webhook_endpoints"]
DELIVERIES = _TABLES["webhook_deliveries"]

PENDING = literal(DeliveryState.PENDING.value, literal_execute=True)
HELD_STATE = "held"
"Of what waits for a transcript; outside it is pending like the rest."
HELD = literal(HELD_STATE, literal_execute=True)
"""Written into statements as they stand, these two, or SQLite would not see that its indexes of
what is not over apply."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One with what nobody outside sees."""

    view: EndpointView
    secret_sealed: str


def _endpoint(row: Row[Any]) -> EndpointView:
    return EndpointView(
        id=row.id,
        tenant_id=row.tenant_id,
        url=row.url,
        events=tuple(row.events),
        description=row.description,
        source=row.source,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _of(tenant_id: TenantId) -> Select[Any]:
    return select(ENDPOINTS).where(
        ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.deleted_at.is_(None)
    )


# --- endpoints ---


def get(
    connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId
) -> EndpointView | None:
    row = connection.execute(_of(tenant_id).where(ENDPOINTS.c.id == endpoint_id)).one_or_none()
    return _endpoint(row) if row else None


def of_tenant(connection: Connection, tenant_id: TenantId) -> list[EndpointView]:
    """Oldest first."""
    rows = connection.execute(_of(tenant_id).order_by(ENDPOINTS.c.id))
    return [_endpoint(row) for row in rows]


def lock(connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId) -> Endpoint | None:
    """Read it and keep others from changing it until the commit."""
    row = connection.execute(
        _of(tenant_id).where(ENDPOINTS.c.id == endpoint_id).with_for_update(key_share=True)
    ).one_or_none()
    return Endpoint(_endpoint(row), row.secret_sealed) if row else None


def lock_of_config(connection: Connection, tenant_id: TenantId) -> Endpoint | None:
    """The one that the tenant's configuration has, if it has one."""
    row = connection.execute(
        _of(tenant_id).where(ENDPOINTS.c.source == "config").with_for_update(key_share=True)
    ).one_or_none()
    return Endpoint(_endpoint(row), row.secret_sealed) if row else None


def count(connection: Connection, tenant_id: TenantId) -> int:
    query = _of(tenant_id).with_only_columns(func.count())
    return int(connection.execute(query).scalar_one())


def create(
    connection: Connection,
    endpoint: EndpointView,
    secret_sealed: str,
    parts: Sequence[str] | None = None,
) -> None:
    connection.execute(
        insert(ENDPOINTS).values(
            **endpoint.model_dump(exclude={"events"}),
            events=list(endpoint.events),
            parts=None if parts is None else list(parts),
            secret_sealed=secret_sealed,
        )
    )


def change(connection: Connection, endpoint_id: EndpointId, now: datetime, **values: Any) -> None:
    connection.execute(
        update(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id).values(updated_at=now, **values)
    )


def parts_of(stored: Sequence[str] | None) -> frozenset[Part]:
    return USUAL_PARTS if stored is None else frozenset(Part(part) for part in stored)


# --- deliveries ---


def _delivery(row: Row[Any]) -> DeliveryView:
    waits = row.state == HELD_STATE
    return DeliveryView(
        id=row.id,
        endpoint_id=row.endpoint_id,
        tenant_id=row.tenant_id,
        room_id=row.room_id,
        seq=row.seq,
        event=row.event,
        payload=None if row.body is None else json.loads(row.body),
        state=DeliveryState.PENDING if waits else DeliveryState(row.state),
        attempts=tuple(Attempt.model_validate(attempt) for attempt in row.attempts),
        next_attempt_at=row.next_attempt_at,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )


def delivery(
    connection: Connection, tenant_id: TenantId, delivery_id: DeliveryId
) -> DeliveryView | None:
    row = connection.execute(
        select(DELIVERIES).where(
            DELIVERIES.c.id == delivery_id, DELIVERIES.c.tenant_id == tenant_id
        )
    ).one_or_none()
    return _delivery(row) if row else None


def deliveries(
    connection: Connection,
    tenant_id: TenantId,
    endpoint_id: EndpointId,
    *,
    state: DeliveryState | None,
    before: DeliveryId | None,
    limit: int,
) -> list[DeliveryView]:
    """Newest first, those older than `before`."""
    query = select(DELIVERIES).where(
        DELIVERIES.c.endpoint_id == endpoint_id, DELIVERIES.c.tenant_id == tenant_id
    )
    if state is DeliveryState.PENDING:
        query = query.where(DELIVERIES.c.state.in_((HELD_STATE, state.value)))
    elif state is not None:
        query = query.where(DELIVERIES.c.state == state.value)
    if before is not None:
        query = query.where(DELIVERIES.c.id < before)
    rows = connection.execute(query.order_by(DELIVERIES.c.id.desc()).limit(limit))
    return [_delivery(row) for row in rows]
