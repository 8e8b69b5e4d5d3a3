"""Tenants: what is read and written of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.exc import IntegrityError

from infra.contract.ids import TenantId
from infra.contract.views import TenantConfig, TenantView
from infra.db import keys
from infra.db.tables import Tenant
from infra.db.upsert import insert_new

TENANTS = Tenant.metadata.tables["tenants"]


def view(row: Row[Any]) -> TenantView:
    return TenantView(
        id=row.id,
        name=row.name,
        external_ref=row.external_ref,
        config=TenantConfig.model_validate(row.config),
        max_concurrent_rooms=row.max_concurrent_rooms,
        max_participants_per_room=row.max_participants_per_room,
        max_recording_duration_minutes=row.max_recording_duration_minutes,
        is_active=row.is_active,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def get(connection: Connection, tenant_id: TenantId) -> TenantView | None:
    """Also one that was closed: `is_active` tells."""
    row = connection.execute(select(TENANTS).where(TENANTS.c.id == tenant_id)).one_or_none()
    return view(row) if row else None


def by_api_key(connection: Connection, sha256: str, now: datetime) -> TenantView | None:
    """The active tenant this key opens, by the hex digest of the key."""
    key = keys.by_digest(connection, sha256, now)
    return get(connection, key.tenant_id) if key else None


def by_external_ref(connection: Connection, external_ref: str) -> TenantView | None:
    row = connection.execute(
        select(TENANTS).where(TENANTS.c.external_ref == external_ref)
    ).one_or_none()
    return view(row) if row else None


def lock(
    connection: Connection, tenant_id: TenantId, *, closing: bool = False
) -> TenantView | None:
    """Read it and keep others from deciding anything about its quota until the commit.

    `closing` also holds up rooms being made meanwhile, which only refer to the row.
    Taken before any room's lock, never after.
    """
    row = connection.execute(
        select(TENANTS).where(TENANTS.c.id == tenant_id).with_for_update(key_share=not closing)
    ).one_or_none()
    return view(row) if row else None


def insert(
    connection: Connection, tenant: TenantView, *, api_key_sha256: str, now: datetime
) -> bool:
    """False when the id or key or name is taken: roll back then, half of it may be written."""
    made = insert_new(
        connection,
        TENANTS,
        id=tenant.id,
        external_ref=tenant.external_ref,
        name=tenant.name,
        config=tenant.config.model_dump(mode="json"),
        max_concurrent_rooms=tenant.max_concurrent_rooms,
        max_participants_per_room=tenant.max_participants_per_room,
        max_recording_duration_minutes=tenant.max_recording_duration_minutes,
        is_active=tenant.is_active,
        created_at=tenant.created_at,
        updated_at=tenant.updated_at,
    )
    return made and keys.add_own(connection, tenant.id, api_key_sha256, now)


def save(connection: Connection, tenant: TenantView) -> bool:
    """Write back everything that may change. False when another tenant took its `external_ref`
    meanwhile: roll back then."""
    changed = (
        update(TENANTS)
        .where(TENANTS.c.id == tenant.id)
        .values(
            name=tenant.name,
            external_ref=tenant.external_ref,
            config=tenant.config.model_dump(mode="json"),
            max_concurrent_rooms=tenant.max_concurrent_rooms,
            max_participants_per_room=tenant.max_participants_per_room,
            max_recording_duration_minutes=tenant.max_recording_duration_minutes,
            is_active=tenant.is_active,
            updated_at=tenant.updated_at,
        )
    )
    try:
        connection.execute(changed)
    except IntegrityError:
        return False
    return True


def empty_room_timeouts(connection: Connection) -> list[int]:
    """Every `empty_room_timeout_minutes` that some tenant has."""
    minutes = TENANTS.c.config["empty_room_timeout_minutes"].as_integer()
    return list(connection.scalars(select(func.distinct(minutes))))
