"""Which recordings their tenants do not keep any longer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from infra.contract.ids import RecordingId, TenantId
from infra.contract.views import RecordingState
from infra.db.recordings import RECORDINGS
from infra.db.tables import Tenant

_TENANTS = Tenant.metadata.tables["tenants"]


def retentions(connection: Connection) -> list[int]:
    """Every `recording_retention_days` that some tenant has."""
    days = _TENANTS.c.config["recording_retention_days"].as_integer()
    return list(connection.scalars(select(func.distinct(days))))


def kept_longer(
    connection: Connection, days: int, before: datetime, limit: int
) -> list[tuple[TenantId, RecordingId]]:
    """Recordings begun before then and over, of tenants that keep theirs for so many days."""
    keeps = _TENANTS.c.config["recording_retention_days"].as_integer()
    rows = connection.execute(
        select(RECORDINGS.c.tenant_id, RECORDINGS.c.id)
        .join(_TENANTS, _TENANTS.c.id == RECORDINGS.c.tenant_id)
        .where(
            keeps == days,
            RECORDINGS.c.started_at < before,
            RECORDINGS.c.deleted_at.is_(None),
            RECORDINGS.c.state != RecordingState.RECORDING.value,
        )
        .order_by(RECORDINGS.c.id)
        .limit(limit)
    )
    return [(TenantId(row.tenant_id), RecordingId(row.id)) for row in rows]
